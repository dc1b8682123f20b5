#!/usr/bin/env bash
# Installs the system programs that Vidne runs (Debian, Ubuntu), and those named as arguments; or names what is
# missing and stops.
set -euo pipefail

declare -A package_of=([ffmpeg]=ffmpeg [ffprobe]=ffmpeg [exiftool]=libimage-exiftool-perl [bwrap]=bubblewrap
  [prlimit]=util-linux [openssl]=openssl)
for program in "$@"; do package_of[$program]=$program; done
missing=()
PATH=$PATH:/usr/sbin  # where servers lie
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
need_library() { ldconfig -p | grep "$1" >/dev/null || missing+=("$2"); }
need_library 'libseccomp\.so\.2' libseccomp2
case " $* " in *' chromium '*) need_library 'libatomic\.so\.1' libatomic1 ;; esac  # what drives it needs that
[ ${#missing[@]} -eq 0 ] && exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo -n); else as_root=(false); fi
fi
if command -v apt-get >/dev/null && "${as_root[@]}" true; then
  echo "installing ${missing[*]} ..." >&2
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Missing: ${missing[*]}. Install them (on Debian: apt-get install ${missing[*]}) and run make again." >&2
  exit 1
fi
