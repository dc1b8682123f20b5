"""The rule set: what the law says, as data with its source and date; no number of it stands in code.

A decision that used a rule keeps the version of the set with it.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from evidence.errors import IntegrityError, NotFoundError

_FILE = Path(__file__).with_name("rules.toml")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d\.[1-9]\d*")
_ID = re.compile(r"[a-z]+(-[a-z]+)*")
_STATUSES = ("read", "quoted", "secondary", "partly", "unverified")
_UNITS = ("days", "months", "DKK")
_NEEDED = {"id", "number", "status", "as_of", "says"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where it stands (`number`), what it says, and its value with unit where it has one."""

    id: str
    number: str
    status: str
    as_of: date
    says: str
    value: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules under one version, `<day>.<number>`; `act` is the law that most of them come from."""

    version: str
    act: str
    rules: Mapping[str, Rule]

    def days(self, rule_id: str) -> int:
        """The days that a rule gives; raises NotFoundError where it gives none."""
        rule = self.rules.get(rule_id)
        if rule is None or rule.value is None or rule.unit != "days":
            raise NotFoundError(f"The rule set {self.version} has no number of days for {rule_id}.")
        return rule.value


@cache
def rule_set() -> RuleSet:
    """The rule set that came with the program; raises IntegrityError where it is malformed."""
    return read_rules(_FILE.read_text(encoding="utf-8"))


def read_rules(text: str) -> RuleSet:
    """Read a rule set strictly; raises IntegrityError naming the rule that is not as it should be."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise IntegrityError(f"The rule set is not TOML: {error}.") from error
    _require(set(found) == {"version", "act", "rule"}, "it has other parts than version, act and rule")
    version, act = found["version"], found["act"]
    _require(isinstance(version, str) and _VERSION.fullmatch(version), f"its version is {version!r}")
    _require(isinstance(act, dict) and set(act) == {"name", "status", "as_of"}, "its act is not told in full")
    listed = found["rule"]
    _require(isinstance(listed, list) and all(isinstance(item, dict) for item in listed), "rules are no list")
    rules: dict[str, Rule] = {}
    for item in listed:
        rule = _rule(item)
        _require(rule.id not in rules, f"{rule.id} stands in it twice")
        rules[rule.id] = rule
    _require(rules, "it has no rule")
    return RuleSet(version, str(act["name"]), rules)


def _rule(item: Mapping[str, Any]) -> Rule:
    name = item.get("id", "a rule without an id")
    given = set(item)
    _require(given in (_NEEDED, _NEEDED | {"value", "unit"}), f"{name} has the fields {sorted(given)}")
    _require(isinstance(name, str) and _ID.fullmatch(name), f"{name!r} is no id")
    texts = [item["number"], item["says"]]
    _require(all(isinstance(text, str) and text for text in texts), f"{name} does not say what and where")
    _require(item["status"] in _STATUSES, f"{name} has the status {item['status']!r}")
    _require(type(item["as_of"]) is date, f"{name} has no day")
    if "value" in item:
        value = item["value"]
        _require(type(value) is int and value > 0, f"the value of {name} is {value!r}")
        _require(item["unit"] in _UNITS, f"the unit of {name} is {item['unit']!r}")
        _require(item["status"] != "unverified", f"{name} has a value that nobody has found")
    return Rule(**item)


def _require(condition: object, what: str) -> None:
    if not condition:
        raise IntegrityError(f"The rule set is malformed: {what}.", advice="Install the program anew.")
