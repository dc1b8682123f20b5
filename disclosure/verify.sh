#!/bin/sh
# Checks an export package with openssl (3.0 or later), awk and xxd, and what every system has (mktemp, rm, wc);
# no network, no Python, no Vidne.
#
#     sh verify.sh [LOG-KEY.pem [FOLDER [WITNESS-KEY | ROOTS.pem]...]]
#
# LOG-KEY.pem is the log's public key, had another way than with the package; without it (or '') the package's
# own is used, which shows that the parts belong together, not who made them. FOLDER is the package, by default
# the one that this script lies in: who distrusts it runs a copy from elsewhere. WITNESS-KEY is the key of a
# witness as that one hands it out, `name+id+key`; ROOTS.pem has root certificates of time-stamp authorities.
# Ends 0 when every check passed, 3 when all did but for the last entries, which a witness has not seen yet, and
# 1 when something is wrong.
set -u
LC_ALL=C
OPENSSL_CONF=/dev/null # nothing here depends on how openssl was set up
export LC_ALL OPENSSL_CONF
unset CDPATH

case ${1-} in
    '' | /*) key=${1-} ;;
    *) key=$(pwd)/$1 ;;
esac
case $0 in
    */*) folder=${0%/*} ;;
    *) folder=. ;;
esac
folder=${2-$folder}
[ "$#" -lt 2 ] || shift
[ "$#" -eq 0 ] || shift # what is left are keys of witnesses, and files of root certificates

failed=0
newline='
'
pass() { printf 'ok    %s\n' "$1"; }
fail() {
    printf 'FAIL  %s\n' "$1"
    failed=1
}
stop() {
    fail "$1"
    exit 1
}

for tool in openssl awk xxd mktemp rm wc; do
    command -v "$tool" >/dev/null || stop "tools: $tool is not installed"
done
work=$(mktemp -d) || stop "tools: no temporary folder can be made"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
case $work in
    /*) ;;
    *) work=$(pwd)/$work ;;
esac
export work

# The certificates in PEM, and nothing else: openssl would ask for the pass phrase of what says that it has one.
certificates='
{ sub(/\r$/, "") }
$0 == "-----BEGIN CERTIFICATE-----" { block = $0 "\n"; next }
block && $0 == "-----END CERTIFICATE-----" { take(block $0); block = ""; next }
block { block = $0 ~ /^[A-Za-z0-9+\/=]+$/ ? block $0 "\n" : "" }'
together='
function take(certificate) { print certificate }'
each_by_itself='
function take(certificate) { file = ENVIRON["work"] "/root." ++at; print certificate >file; close(file) }
END { print at }'
roots=0
for given in "$@"; do
    shift
    if [ ! -f "$given" ]; then
        set -- "$@" "$given"
        continue
    fi
    known=$roots
    roots=$(awk -v at="$known" "$certificates$each_by_itself" <"$given")
    [ "${roots:-0}" -gt "$known" ] || stop "time stamps: $given has no certificate in PEM"
done
cd -- "$folder" || stop "package: there is no folder $folder"
[ -f manifest-sha256.txt ] || stop "package: $folder has no manifest-sha256.txt"
[ -z "$key" ] || openssl pkey -passin pass: -pubin -in "$key" -noout 2>/dev/null || stop "key: $key is no public key in PEM"

digest_of() { # of the file $1 or of standard input, into $digest
    digest=$(openssl dgst -sha256 -r ${1+"$1"} 2>/dev/null)
    digest=${digest%% *}
}

# --- Every file of the manifests has its digest, and there is no other file. -------------------------------

may_stand() { # whether a package can have the file $1 beside its payload: nothing binds the list of these
    case $1 in
        bagit.txt | bag-info.txt | manifest-sha256.txt | log.pub.pem | log.vkey) ;;
        VERIFY.txt | verify.sh | verify.html | report.pdf) ;;
        custody/entries.jsonl | custody/bodies.jsonl | custody/checkpoint) ;;
        custody/*/*/* | streams/*/*) return 1 ;;
        custody/proofs/* | custody/keys/* | custody/tsa/* | custody/witness/* | streams/*) ;;
        *) return 1 ;;
    esac
}

listed=$newline
payload=''
manifest() { # $1: the manifest, $2: a pattern that its paths must match, $3: one that they must not
    bad=0
    count=0
    while IFS= read -r line || [ -n "$line" ]; do
        count=$((count + 1))
        wanted=${line%%  *}
        path=${line#*  }
        case $path in
            '' | .* | */.* | /* | */ | *//* | *[!A-Za-z0-9._/-]*) path='' ;;
        esac
        case $wanted in
            *[!0-9a-f]*) path='' ;;
        esac
        if [ -z "$path" ] || [ "${#wanted}" -ne 64 ] || [ "$wanted  $path" != "$line" ]; then
            fail "$1: line $count may not stand in a package"
            bad=1
            continue
        fi
        case $path in
            $3) path='' ;;
            $2) ;;
            *) path='' ;;
        esac
        case $listed in
            *"$newline$path$newline"*) path='' ;;
        esac
        if [ -z "$path" ]; then
            fail "$1: line $count lists what it may not, or lists it once more"
            bad=1
            continue
        fi
        listed=$listed$path$newline
        case $path in
            data/*) payload=$payload$line$newline ;;
            *) may_stand "$path" || { fail "$1: no package has a file $path" && bad=1; } ;;
        esac
        if [ -L "$path" ] || [ ! -f "$path" ]; then
            fail "$1: $path is missing, or is no file"
            bad=1
            continue
        fi
        digest_of "$path"
        if [ "$digest" != "$wanted" ]; then
            fail "$1: $path does not have its listed digest"
            bad=1
        fi
    done <"$1"
    [ "$count" -gt 0 ] || bad=1
    if [ "$bad" -eq 0 ]; then pass "$1: $count files have their digests"; else fail "$1"; fi
}
manifest manifest-sha256.txt 'data/*' ' '
if [ -f tagmanifest-sha256.txt ]; then
    manifest tagmanifest-sha256.txt '*' 'data/*'
else
    fail 'tagmanifest-sha256.txt: it is missing'
fi
for name in bagit.txt bag-info.txt; do
    case $listed in
        *"$newline$name$newline"*) ;;
        *) fail "files: $name is missing" ;;
    esac
done

extra=0
walk() { # every file below $1
    for found in "$1"* "$1".[!.]* "$1"..?*; do
        [ -e "$found" ] || [ -L "$found" ] || continue
        case $found in
            *[!A-Za-z0-9._/-]*)
                fail 'files: one has a name that may not stand in a package'
                extra=1
                continue
                ;;
        esac
        if [ -d "$found" ] && [ ! -L "$found" ]; then
            walk "$found/"
            continue
        fi
        [ "$found" = tagmanifest-sha256.txt ] && [ ! -L "$found" ] && continue
        case $listed in
            *"$newline$found$newline"*) continue ;;
        esac
        fail "files: no manifest lists $found"
        extra=1
    done
}
walk ''
[ "$extra" -ne 0 ] || pass 'files: there are no others'

# --- Trees of hashes (RFC 9162). -----------------------------------------------------------------------------

node() { # SHA-256(01 || $1 || $2), all in hexadecimal, into $hash; what was computed before is remembered
    eval "hash=\${node_$1$2-}"
    [ -z "$hash" ] || return 0
    hash=$(printf '01%s%s' "$1" "$2" | xxd -r -p | openssl dgst -sha256 -r)
    hash=${hash%% *}
    eval "node_$1$2=\$hash"
}

begins() { # whether the signed tree begins with that of $1 entries under $2; hashes follow (RFC 9162, 2.1.4.2)
    old_size=$1 old_root=$2
    shift 2
    if [ "$old_size" -eq "$size" ]; then
        [ "$#" -eq 0 ] && [ "$old_root" = "$root" ]
        return
    fi
    at=$((old_size - 1)) last=$((size - 1))
    while [ $((at % 2)) -eq 1 ]; do
        at=$((at / 2)) last=$((last / 2))
    done
    old=$old_root
    if [ "$at" -ne 0 ]; then # else the old tree is a node of the new one, and the proof need not say it
        old=${1-}
        [ "$#" -eq 0 ] || shift
    fi
    new=$old
    for sibling in "$@"; do
        [ "$last" -gt 0 ] || return 1
        if [ $((at % 2)) -eq 1 ] || [ "$at" -eq "$last" ]; then
            node "$sibling" "$old" && old=$hash
            node "$sibling" "$new" && new=$hash
            while [ $((at % 2)) -eq 0 ] && [ "$at" -ne 0 ]; do
                at=$((at / 2)) last=$((last / 2))
            done
        else
            node "$new" "$sibling" && new=$hash
        fi
        at=$((at / 2)) last=$((last / 2))
    done
    [ "$last" -eq 0 ] && [ "$old" = "$old_root" ] && [ "$new" = "$root" ]
}

# The proof in a .consistency file: a line `old N`, then hashes in base64.
extension='
NR == 1 { if ($0 != "old " old) bad = 1; next }
{ h = hex($0); if (length(h) != 64 || NR > 64) bad = 1; out = out " " h }
END { if (!bad && NR) print "proof" out }'

extends() { # whether the signed tree begins with that of $2 entries under $3, by the proof in the file $1
    ends_well "$1" || return 1
    found=$(awk -v old="$2" "$hex$extension" "$1" 2>/dev/null)
    # The words of $found are hexadecimal, as awk has seen to.
    # shellcheck disable=SC2086
    [ -n "$found" ] && [ "$2" -le "$size" ] && begins "$2" "$3" ${found#proof}
}

extends_note() { # whether the signed tree begins with the one that the checkpoint $1 states, of $stated entries
    ends_well "$1" || return 1
    awk '$0 == "" { exit } { print }' "$1" >"$work/text"
    { IFS= read -r log && IFS= read -r stated && IFS= read -r top; } <"$work/text" || return 1
    top=$(printf '%s\n' "$top" | awk "$hex"' { print hex($0) }')
    case $stated in
        '' | 0* | *[!0-9]*) return 1 ;;
    esac
    [ "$log" = "$origin" ] && [ "${#stated}" -le 15 ] && [ "${#top}" -eq 64 ] || return 1
    [ "$1" = "$note" ] || extends "${1%.checkpoint}.consistency" "$stated" "$top"
}

# --- The checkpoint is signed by the log's key. ------------------------------------------------------------

# Awk turns base64 into hexadecimal; what is not its one standard encoding gives an empty text.
hex='function hex(s,  i, k, v, bits, p, out) {
    if (length(s) % 4 || s !~ /^[A-Za-z0-9+\/]*=?=?$/) return ""
    sub(/=+$/, "", s)
    for (i = 1; i <= length(s); i++) {
        k = index("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", substr(s, i, 1)) - 1
        if (k < 0) return ""
        v = v * 64 + k; bits += 6
        if (bits >= 8) { bits -= 8; p = bits == 4 ? 16 : bits == 2 ? 4 : 1; out = out sprintf("%02x", int(v / p)); v = v % p }
    }
    return v ? "" : out
}'
ends_well() { # whether the last line of the file $1 ends
    [ -f "$1" ] && [ "$(xxd -p "$1" 2>/dev/null | awk '{ line = $0 } END { print substr(line, length(line) - 1) }')" = 0a ]
}
note=custody/checkpoint
own_key=log.pub.pem
origin='' size='' root=''
if [ -f "$note" ]; then
    awk '$0 == "" { exit } { print }' "$note" >"$work/text"
    { IFS= read -r origin && IFS= read -r size && IFS= read -r root; } <"$work/text"
    said_by_note="$origin$newline$size$newline$root$newline"
    origin_of_log=$origin
    export said_by_note origin_of_log
    root=$(printf '%s\n' "$root" | awk "$hex"' { print hex($0) }')
fi
case $size in
    '' | 0* | *[!0-9]*) size='' ;;
esac
case $origin in
    *[!\ -~]*) origin_shown='its log' ;;
    *) origin_shown=$origin ;;
esac

# A signature line is: em dash, name of the key, base64 of four bytes of key id and the signature.
lines='
!body { body = $0 == ""; next }
$1 == "\342\200\224" && $0 == $1 " " $2 " " $3 && hex($3) != "" { print $2, hex($3); next }
{ print "malformed" }'

has_signed() { # whether the note $2 is whole, and has a signature of the log by the key in $1 and no wrong one
    ends_well "$2" || return 1
    openssl pkey -passin pass: -pubin -in "$1" -outform DER -out "$work/der" 2>/dev/null || return 1
    key_bytes=$(xxd -p "$work/der" | awk '{ printf "%s", $0 }')
    id=$({ printf '%s\n' "$origin" && printf '01%s' "${key_bytes#302a300506032b6570032100}" | xxd -r -p; } |
        openssl dgst -sha256 -r)
    id=${id%"${id#????????}"}
    awk '$0 == "" { exit } { print }' "$2" >"$work/text"
    awk "$hex$lines" "$2" >"$work/lines"
    right=1
    while read -r name blob; do
        [ -n "$blob" ] || return 1
        [ "$name" = "$origin" ] && [ "${blob#"$id"}" != "$blob" ] || continue
        printf '%s' "${blob#????????}" | xxd -r -p >"$work/signature"
        openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in "$work/text" \
            -sigfile "$work/signature" >/dev/null 2>&1 || return 1
        right=0
    done <"$work/lines"
    return "$right"
}

bytes_in() { # the 32 bytes of the key $1, as <name>+<key id>+<base64>, of kind $2, in hexadecimal, into $bytes
    bytes=${1#*+}
    bytes=$(printf '%s\n' "${bytes#*+}" | awk "$hex"' { print hex($0) }')
    case $bytes in
        "$2"*) bytes=${bytes#??} ;;
        *) bytes='' ;;
    esac
    [ "${#bytes}" -eq 64 ]
}

pem_of() { # the key of these bytes in hexadecimal, into the file $2
    printf '302a300506032b6570032100%s' "$1" | xxd -r -p >"$work/der"
    openssl pkey -pubin -inform DER -in "$work/der" -out "$2" 2>/dev/null
}

# A key of the log is followed by another with a note that both have signed. From the key that is given this
# goes on to the newest; from the package's own it goes back, to tell those before it.
current=''
if openssl pkey -passin pass: -pubin -in "${key:-$own_key}" -outform DER -out "$work/der" 2>/dev/null; then
    current=$(xxd -p "$work/der" | awk '{ printf "%s", $0 }')
    current=${current#302a300506032b6570032100}
fi
signer=${key:-$own_key} least=0 most=1000000000000000 former='' followed=0 trees=''
again=yes
while [ "$again" = yes ] && [ -n "$current" ]; do
    again=no
    for file in custody/keys/*.succession; do
        case $file in
            *[!A-Za-z0-9._/-]*) continue ;; # no such name may stand in a package: said above
        esac
        [ -f "$file" ] || continue
        { IFS= read -r magic && IFS= read -r log && IFS= read -r end && IFS= read -r tree && IFS= read -r old \
            && IFS= read -r new; } <"$file" || continue
        case $end in
            '' | 0* | *[!0-9]*) continue ;;
        esac
        [ "$magic" = vidne-key-succession/v1 ] && [ "$log" = "$origin" ] && [ "${#end}" -le 15 ] || continue
        bytes_in "$old" 01 && old=$bytes && bytes_in "$new" 01 && new=$bytes || continue
        if [ -n "$key" ]; then
            [ "$old" = "$current" ] && [ "$end" -gt "$least" ] || continue
        else
            [ "$new" = "$current" ] && [ "$end" -lt "$most" ] || continue
        fi
        pem_of "$old" "$work/old.pem"
        pem_of "$new" "$work/new.pem"
        if ! has_signed "$work/old.pem" "$file" || ! has_signed "$work/new.pem" "$file"; then
            fail "keys: $file is not signed by both keys that it names"
            continue
        fi
        followed=$((followed + 1)) again=yes
        trees="$trees$end $tree$newline"
        if [ -n "$key" ]; then
            current=$new least=$end
            signer=$work/signer.pem
            pem_of "$new" "$signer"
        else
            current=$old most=$end
            pem_of "$old" "$work/old.pem" && digest_of "$work/der"
            former="$former    up to $end entries: SHA-256 $digest$newline"
        fi
    done
done
signed=no
if [ -n "$size" ] && [ "${#root}" -eq 64 ] && [ "${#size}" -le 15 ] && [ "$size" -gt "$least" ]; then
    has_signed "$signer" "$note" && signed=yes
fi
if [ "$signed" = yes ]; then
    pass "checkpoint: ${key:-$own_key}$(
        [ "$signer" = "${key:-$own_key}" ] || printf ', by the key that followed it,'
    ) signed the tree of $size entries of $origin_shown"
else
    fail "checkpoint: it has no right signature by ${key:-$own_key}$(
        [ "$signer" = "${key:-$own_key}" ] || printf ', which was followed by another key at %s entries' "$least"
    )"
fi

# Whoever has the newest key alone could sign another past: the tree has to begin with those that were handed on.
if [ "$signed" = yes ] && [ "$followed" -gt 0 ]; then
    handed_on=yes
    printf '%s' "$trees" >"$work/trees"
    while read -r end tree; do
        tree=$(printf '%s\n' "$tree" | awk "$hex"' { print hex($0) }')
        if [ "${#tree}" -ne 64 ] || ! extends "custody/keys/$end.consistency" "$end" "$tree"; then
            fail "keys: the signed tree is not shown to begin with that of $end entries, at which another key followed"
            handed_on=no
        fi
    done <"$work/trees"
    [ "$handed_on" = no ] || pass "keys: another key of the log followed $followed times, with the signatures of both"
fi

# --- Each entry is in the signed tree, and names the one before it in its case. ----------------------------

included() { # whether leaf $1 is number $2 of $size under $root; the siblings follow (RFC 9162, 2.1.3.2)
    hash=$1 at=$2 last=$((size - 1))
    [ "$at" -le "$last" ] || return 1
    shift 2
    for sibling in "$@"; do
        [ "$last" -gt 0 ] || return 1
        if [ $((at % 2)) -eq 1 ] || [ "$at" -eq "$last" ]; then
            node "$sibling" "$hash"
            while [ $((at % 2)) -eq 0 ] && [ "$at" -ne 0 ]; do
                at=$((at / 2)) last=$((last / 2))
            done
        else
            node "$hash" "$sibling"
        fi
        at=$((at / 2)) last=$((last / 2))
    done
    [ "$last" -eq 0 ] && [ "$hash" = "$root" ]
}

# A proof: a line of magic, `index N`, hashes in base64, an empty line, the checkpoint with the log's signature.
proof='
NR == 1 { if ($0 != "c2sp.org/tlog-proof@v1") exit; next }
NR == 2 { if ($0 !~ /^index (0|[1-9][0-9]*)$/ || length($2) > 15) exit; out = $2; next }
!end && $0 == "" { end = NR; next }
!end { h = hex($0); if (length(h) != 64 || NR > 65) exit; out = out " " h; next }
NR <= end + 3 { said = said $0 "\n"; next }
NR == end + 4 { if ($0 != "") exit; next }
$1 != "\342\200\224" || $0 != $1 " " $2 " " $3 || hex($3) == "" { signed = 0; bad = 1; exit }
$0 == ENVIRON["signature_of_log"] { signed = 1 }
END { if (!bad && signed && said == ENVIRON["said_by_note"]) print out }'
signature_of_log=$(awk -v id="${id-}" "$hex"'
body && $2 == ENVIRON["origin_of_log"] && substr(hex($3), 1, 8) == id { print; exit } $0 == "" { body = 1 }' "$note" 2>/dev/null)
export signature_of_log

count=0 length=0 chained=yes proved=yes position=-1 positions='' last_entry=''
previous=0000000000000000000000000000000000000000000000000000000000000000
if [ -f custody/entries.jsonl ]; then
    while IFS= read -r line || [ -n "$line" ]; do
        count=$((count + 1))
        length=$((length + ${#line} + 1))
        last_entry=$line
        rest=${line#*\",\"case_prev\":\"}
        case_prev=${rest%%\"*}
        rest=${rest#*\",\"case_seq\":}
        case_seq=${rest%%,*}
        if [ "$case_seq" != "$count" ] || [ "$case_prev" != "$previous" ]; then
            fail "case chain: entry $count does not follow the one before it"
            chained=no
        fi
        digest=$({ printf '\000' && printf '%s' "$line"; } | openssl dgst -sha256 -r)
        previous=${digest%% *}
        if [ "$signed" = yes ]; then
            path=custody/proofs/$count.tlog-proof
            found=''
            ! ends_well "$path" || found=$(awk "$hex$proof" "$path")
            # The words of $found are an index and hashes: digits and hexadecimal, as awk has seen to.
            # shellcheck disable=SC2086
            if [ -z "$found" ] || ! included "$previous" $found || [ "${found%% *}" -le "$position" ]; then
                fail "inclusion: $path does not show entry $count in the signed tree"
                proved=no
            fi
            position=${found%% *}
            position=${position:-0}
            positions="$positions $position"
        fi
    done <custody/entries.jsonl
    if [ "$length" -ne "$(wc -c <custody/entries.jsonl)" ]; then
        fail 'case chain: custody/entries.jsonl holds bytes that are no text'
        chained=no
    fi
fi
[ "$count" -gt 0 ] || chained=no proved=no
for path in custody/proofs/*; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    number=${path#custody/proofs/}
    number=${number%.tlog-proof}
    case $number in
        '' | 0* | *[!0-9]* | ????????????????*) number=$((count + 1)) ;;
    esac
    [ "$number" -le "$count" ] && [ "$path" = "custody/proofs/$number.tlog-proof" ] && continue
    fail 'inclusion: a file in custody/proofs is the proof of no entry'
    proved=no
done
if [ "$chained" = yes ]; then pass "case chain: $count entries, none left out"; else fail 'case chain'; fi
if [ "$signed" != yes ]; then
    fail 'inclusion: it cannot be checked without a signed checkpoint'
elif [ "$proved" = yes ]; then
    pass "inclusion: $count entries are in the signed tree"
else
    fail 'inclusion'
fi

# --- Each witness whose key is given saw the log, as it is here or as it began. ------------------------------

cosigned() { # the cosignatures on note $1 of the witness $name, key id $id, key in $work/witness.pem, newest at $time
    ends_well "$1" || return 1
    awk '$0 == "" { exit } { print }' "$1" >"$work/text"
    awk "$hex$lines" "$1" >"$work/lines"
    time=0
    while read -r by blob; do
        [ -n "$blob" ] || return 1
        [ "$by" = "$name" ] && [ "${blob#"$id"}" != "$blob" ] || continue
        # Behind the key id: eight bytes of seconds since 1970, of which five can be set, and the signature.
        case $blob in
            ????????000000*) [ "${#blob}" -eq 152 ] || return 1 ;;
            *) return 1 ;;
        esac
        seconds=${blob#????????}
        blob=${seconds#????????????????}
        seconds=$((0x${seconds%"$blob"}))
        printf 'cosignature/v1\ntime %s\n' "$seconds" >"$work/message"
        awk '{ print }' "$work/text" >>"$work/message"
        printf '%s' "$blob" | xxd -r -p >"$work/signature"
        openssl pkeyutl -verify -pubin -inkey "$work/witness.pem" -rawin -in "$work/message" \
            -sigfile "$work/signature" >/dev/null 2>&1 || return 1
        [ "$seconds" -le "$time" ] || time=$seconds
    done <"$work/lines"
}

shown() { # $1 seconds after 1970 as a date and a time, UTC
    printf '%s\n' "$1" | awk '
        function leap(y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) }
        {
            days = int($1 / 86400); rest = $1 % 86400
            for (year = 1970; days >= 365 + leap(year); year++) days -= 365 + leap(year)
            for (month = 1; days >= (n = month == 2 ? 28 + leap(year) : 30 + (month % 2 != (month > 7))); month++) days -= n
            printf "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, days + 1, rest / 3600, rest % 3600 / 60, rest % 60
        }'
}

seen_by() { # how many entries of the log the witness $name has seen, into $seen, and when, into $when; 1: not sound
    seen=0 when=0
    for file in "$note" custody/witness/*.checkpoint; do
        case $file in
            *[!A-Za-z0-9._/-]*) continue ;; # no such name may stand in a package: said above
        esac
        [ -f "$file" ] || continue
        if ! cosigned "$file"; then
            fail "witness: $file is damaged, or a line in it under the name of $name is not by its key"
            return 1
        fi
        [ "$time" -gt 0 ] || continue
        if ! extends_note "$file"; then
            fail "witness: the signed tree does not begin with that of $file, which $name cosigned"
            return 1
        fi
        [ "$stated" -le "$seen" ] || seen=$stated when=$time
    done
}

count_covered() { # how many of the case's entries are among the first $1 of the log, into $covered
    covered=0
    for position in $positions; do
        [ "$position" -ge "$1" ] || covered=$((covered + 1))
    done
}

later=no
for vkey in "$@"; do
    name=${vkey%%+*}
    id=${vkey#*+}
    id=${id%%+*}
    bytes_in "$vkey" 04 || bytes=''
    digest=$({ printf '%s\n' "$name" && printf '04%s' "$bytes" | xxd -r -p; } | openssl dgst -sha256 -r)
    case $name in
        *[!!-~]*) name='' ;;
    esac
    if [ -z "$bytes" ] || [ -z "$name" ] || [ "${#id}" -ne 8 ] || [ "${digest#"$id"}" = "$digest" ]; then
        fail "witness: $vkey is no key of a witness (name+01234567+BASE64), and no file"
        continue
    fi
    if [ "$signed" != yes ] || [ "$proved" != yes ]; then
        fail "witness: what $name has seen cannot be checked without a signed tree that has the entries"
        continue
    fi
    pem_of "$bytes" "$work/witness.pem"
    seen_by || continue
    if [ "$seen" -eq 0 ]; then
        fail "witness: $name has signed nothing here: ask for the package anew, or ask the witness"
        continue
    fi
    count_covered "$seen"
    if [ "$covered" -eq "$count" ]; then
        pass "witness: by $(shown "$when") $name had seen all $count entries of the case"
    elif [ "$covered" -gt 0 ]; then
        printf 'PART  witness: by %s %s had seen entries 1 to %s; the %s behind came later\n' \
            "$(shown "$when")" "$name" "$covered" "$((count - covered))"
        later=yes
    else
        fail "witness: $name had seen none of the entries of the case"
    fi
done

# --- Each authority stamped the log as it began (RFC 3161). --------------------------------------------------

# What a token states as seconds after 1970. `Time stamp: Nov  7 14:10:59.25 2026 GMT`
when_stamped='
/^Hash Algorithm: sha256$/ { strong = 1 }
/^Time stamp: / && NF == 7 && $7 == "GMT" && split($5, of, ":") == 3 {
    month = index("JanFebMarAprMayJunJulAugSepOctNovDec", $3)
    if (!strong || month % 3 != 1) exit
    month = (month + 2) / 3; year = $6 - (month < 3)
    days = 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * ((month + 9) % 12) + 2) / 5) + $4
    printf "%.0f", (days - 719469) * 86400 + of[1] * 3600 + of[2] * 60 + int(of[3])
    exit
}'

stated_time() { # when the response $file was made by its token, into $time; what stands around that is not signed
    time=''
    openssl ts -reply -in "$file" -token_out -out "$work/token" >/dev/null 2>&1 || return 1
    time=$(openssl ts -reply -token_in -in "$work/token" -text 2>/dev/null | awk "$when_stamped")
    [ -n "$time" ]
}

is_stamp() { # whether that token is over the checkpoint $over, by a root that was given; $@: how its chain is checked
    for trusted in "$work"/root.*; do # each by itself: two roots may have one name
        openssl ts -verify -data "$over" -token_in -in "$work/token" -CAfile "$trusted" -untrusted "$work/chain" \
            "$@" >/dev/null 2>&1 && return
    done
    return 1
}

stamps=0 sound=yes counting=0
for file in custody/tsa/*.tsr; do
    case $file in
        *[!A-Za-z0-9._/-]*) continue ;; # no such name may stand in a package: said above
    esac
    [ "$roots" -gt 0 ] && [ -f "$file" ] || continue
    stamps=$((stamps + 1)) over=${file%-*}.checkpoint
    for chain in "$work"/root.* "${file%.tsr}.chain.pem"; do
        [ ! -f "$chain" ] || awk "$certificates$together" <"$chain"
    done >"$work/chain"
    if [ ! -f "$over" ] || ! stated_time || ! is_stamp -attime "$time"; then
        fail "time stamps: $file is no stamp over $over by an authority of the roots that were given"
        sound=no
    elif [ "$signed" != yes ] || [ "$proved" != yes ] || ! extends_note "$over" \
        || [ "$over" != "custody/tsa/$stated.checkpoint" ]; then
        fail "time stamps: the signed tree does not begin with that of $over, which $file is over"
        sound=no
    elif count_covered "$stated" && [ "$covered" -eq 0 ]; then
        fail "time stamps: $file covers no entry of the case"
        sound=no
    elif ! is_stamp; then
        printf 'OLD   time stamps: %s, of %s, counts no more: its chain has ended\n' "$file" "$(shown "$time")"
    else
        counting=$((counting + 1))
        pass "time stamps: at $(shown "$time") the first $covered of the case's $count entries were there, by $file"
    fi
done
if [ "$roots" -gt 0 ] && [ "$sound" = yes ] && [ "$counting" -eq 0 ]; then
    fail "time stamps: none of the $stamps in the package counts"
fi

# --- The last entry names the payload manifest; the originals stand in entries. ----------------------------

digest_of manifest-sha256.txt
named=${last_entry#*\"role\":\"export-manifest\",\"sha256\":\"}
case $last_entry in
    *\"role\":\"export-manifest\"*\"role\":\"export-manifest\"*) named='' ;;
    *',"type":"export.created",'*) ;;
    *) named='' ;;
esac
if [ "${named%%\"*}" = "$digest" ]; then
    pass 'export entry: the last entry names manifest-sha256.txt'
else
    fail 'export entry: the last entry does not name this manifest-sha256.txt'
fi

originals=0 recorded=yes
printf '%s' "$payload" >"$work/payload"
while IFS= read -r line; do
    path=${line#*  data/}
    case $path in
        EX-*.original | EX-*.original.*) ;;
        *) continue ;;
    esac
    originals=$((originals + 1))
    wanted="\"exhibit\":\"${path%%.*}\",\"role\":\"original\",\"sha256\":\"${line%%  *}\""
    awk -v wanted="$wanted" 'index($0, wanted) { found = 1; exit } END { exit !found }' custody/entries.jsonl \
        2>/dev/null || { fail "originals: no entry names data/$path" && recorded=no; }
done <"$work/payload"
if [ "$originals" -gt 0 ] && [ "$recorded" = yes ]; then
    pass "originals: $originals stand in entries"
else
    fail 'originals'
fi

# --- What this cannot say. ---------------------------------------------------------------------------------

if openssl pkey -passin pass: -pubin -in "${key:-$own_key}" -outform DER -out "$work/key" 2>/dev/null; then
    digest_of "$work/key"
    printf '\nThe key (%s) has the fingerprint\n    SHA-256 %s\n' "${key:-$own_key}" "$digest"
    [ -z "$former" ] || printf 'The keys of the log before it, one of which is enough to compare:\n%s' "$former"
fi
if [ -z "$key" ]; then
    printf 'It came with the package. COMPARE IT with the one that you got another way (VERIFY.txt says how):\n'
    printf 'until then these checks show that the parts belong together, not who made them.\n'
fi
unseen=''
[ "$#" -gt 0 ] || unseen=', witnesses without their keys'
if [ "$roots" -eq 0 ]; then
    unseen="$unseen, time stamps without their authorities' root certificates"
elif [ "$stamps" -gt 0 ]; then
    unseen="$unseen, whether certificates of time stamps were revoked"
fi
printf 'Not checked here: bodies, records of copies, packets of copies%s\n' "$unseen"
printf '(vidne verify package does).\n'
if [ "$failed" -eq 0 ] && [ "$later" = yes ]; then
    printf 'All checks passed, but a witness has not seen the last entries: see PART.\n'
    exit 3
elif [ "$failed" -eq 0 ]; then
    printf 'All checks passed.\n'
else
    printf 'SOMETHING IS WRONG: see the lines that begin with FAIL.\n'
fi
exit "$failed"
