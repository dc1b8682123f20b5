"""deploy/kubernetes: valid by Kubernetes' schemas, confined, of the same parts as docker-compose.yml."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.services import ROOT
from evidence.settings import Settings

VERSIONS = (
    "1.33",
    "1.36",
)  # the first that makes user namespaces for pods without being asked to, and a newer one
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def label(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in MANIFESTS:
        if "template" in manifest.get("spec", {}):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


POD = dict(pods())
each_pod = pytest.mark.parametrize("name", POD)


def policy(name: str) -> dict[str, Any]:
    (found,) = [m["spec"] for m in MANIFESTS if label(m) == f"NetworkPolicy/{name}"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=label)
def test_a_manifest_is_valid(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)
    assert manifest["metadata"].get("namespace", "vidne") == "vidne"


def test_a_wrong_field_is_found() -> None:
    wrong = deepcopy(next(m for m in MANIFESTS if label(m) == "StatefulSet/worker"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@each_pod
def test_a_pod_is_confined(name: str) -> None:
    pod = POD[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        own = dict(container["securityContext"])
        more = {key: own.pop(key) for key in ("procMount", "seccompProfile", "appArmorProfile") if key in own}
        assert own == RESTRICTED
        assert bool(more) == (name == "worker"), "only where parsers run is more allowed"
        assert {"requests", "limits"} == set(container["resources"])
    assert pod.get("hostUsers", True) == (name != "worker")


@each_pod
def test_a_pod_is_of_the_image_and_the_user_that_compose_has(name: str) -> None:
    service = COMPOSE[f"{name}-1" if name in ("worker", "portal") else name]
    (container,) = POD[name]["containers"]
    assert container["image"] == service["image"]
    assert f"{POD[name]['securityContext']['runAsUser']}" == service["user"].partition(":")[0]
    if name != "init":
        assert {"readinessProbe", "livenessProbe"} <= set(container)


@pytest.mark.parametrize("name", ["store", "catalogue", "broker", "witness"])
def test_a_server_does_what_it_does_in_compose_and_is_reached_on_one_port(name: str) -> None:
    (container,) = POD[name]["containers"]
    theirs = [part.replace("/run/secrets/", f"/run/secrets/{name}/") for part in COMPOSE[name]["command"]]
    assert container["args"] == theirs
    (rule,) = policy(name)["ingress"]
    (port,) = rule["ports"]
    assert [p["containerPort"] for p in container["ports"]] == [port["port"]]
    assert all(set(peer) == {"podSelector"} and peer["podSelector"]["matchLabels"] for peer in rule["from"])


def test_the_public_reaches_the_proxy_and_that_the_portals_and_nothing_else() -> None:
    (public,) = policy("proxy")["ingress"]
    assert "from" not in public
    assert public["ports"] == [{"port": 8443, "protocol": "TCP"}]
    open_ones = [
        label(m) for m in MANIFESTS if m["kind"] == "NetworkPolicy"
        for rule in m["spec"].get("ingress", ()) if "from" not in rule
    ]  # fmt: skip
    assert open_ones == ["NetworkPolicy/proxy"]
    (inner,) = policy("proxy")["egress"]
    assert inner["to"] == [{"podSelector": {"matchLabels": {"app": "portal"}}}]
    (rule,) = policy("portal")["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "proxy"}}}]
    reached = [
        peer["podSelector"]["matchLabels"]["app"] for out in policy("portal")["egress"] for peer in out["to"]
    ]
    assert reached == ["store", "catalogue"]


def test_portals_and_proxy_do_what_they_do_in_compose() -> None:
    (portal,), (proxy,) = POD["portal"]["containers"], POD["proxy"]["containers"]
    assert portal["args"] == COMPOSE["portal-1"]["command"]
    assert proxy["args"] == COMPOSE["proxy"]["command"]
    own = {item["name"]: item["value"] for item in portal["env"]}
    theirs = COMPOSE["portal-1"]["environment"]
    changed = {key for key, value in theirs.items() if value != COMPOSE["worker-1"]["environment"].get(key)}
    assert changed <= set(own)
    assert set(own) - changed == {"VIDNE_METRICS_PORT"}
    assert {item["name"] for item in proxy["env"]} == set(COMPOSE["proxy"]["environment"])
    (settings,) = [m["data"] for m in MANIFESTS if m["kind"] == "ConfigMap"]
    Settings.from_environment({**settings, **own})


def test_without_a_policy_of_its_own_nothing_is_reached() -> None:
    nothing = policy("nothing")
    assert (nothing["podSelector"], set(nothing["policyTypes"])) == ({}, {"Ingress", "Egress"})
    assert not {"ingress", "egress"} & set(nothing)


def test_the_settings_are_those_of_compose_and_exist() -> None:
    (given,) = [m["data"] for m in MANIFESTS if m["kind"] == "ConfigMap"]
    theirs = COMPOSE["worker-1"]["environment"]
    assert set(given) <= {item.metadata["env"] for item in fields(Settings)}
    assert set(theirs) <= set(given)
    assert all(given[key] == value for key, value in theirs.items() if "FILE" not in key)
    Settings.from_environment(given)


def test_secrets_are_named_and_not_held() -> None:
    assert not [label(m) for m in MANIFESTS if m["kind"] == "Secret"]
    volumes = [volume for _, pod in pods() for volume in pod["volumes"]]
    page = (ROOT / "docs/deploy.md").read_text()
    secrets = {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
    assert secrets
    assert all(f"secret generic {name} " in page for name in secrets)
    configured = {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}
    assert all(f"configmap {name} " in page for name in configured)
