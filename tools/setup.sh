#!/bin/sh
# Make .venv from the pinned requirements: `tools/setup.sh demo` (to run) or `dev` (to work on it).
# Only the venv's own pip is used, so a system Python that is closed to pip (PEP 668) is no matter.
set -eu

kind=${1:-dev}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

fail() {
    printf 'set-up: %s\n' "$*" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11; do
        if new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or later is needed: install it (Debian, Ubuntu: apt install python3" \
        "python3-venv), or name one: make PYTHON=/path/to/python3.11"
}

make_venv() {
    rm -rf .venv
    if "$1" -m venv .venv >/dev/null 2>&1; then
        return
    fi
    # Debian's Python without python3-venv: the venv can be made, but not the pip in it.
    rm -rf .venv
    if "$1" -m venv --without-pip .venv && bootstrap_pip "$1"; then
        return
    fi
    rm -rf .venv
    if "$1" -m virtualenv -q .venv 2>/dev/null || uv venv -q --seed -p "$1" .venv 2>/dev/null; then
        return
    fi
    rm -rf .venv
    fail "this Python cannot make a virtual environment: install its venv module" \
        "(Debian, Ubuntu: apt install python3-venv) or its pip (apt install python3-pip)"
}

bootstrap_pip() {
    "$1" -m pip --python .venv/bin/python install -q pip 2>/dev/null ||
        "$1" -m pip install -q --target "$(site_packages)" pip 2>/dev/null
}

site_packages() {
    .venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

usable_venv() {
    new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1
}

install() {
    .venv/bin/python -m pip install --disable-pip-version-check -q "$@" ||
        fail "pip could not install: check the network and, behind a proxy, set HTTPS_PROXY"
}

usable_venv || make_venv "$(find_python)"
case $kind in
demo) install --require-hashes -r requirements/embedded.txt -r requirements/build.txt ;;
dev) install --require-hashes -r requirements/dev.txt ;;
*) fail "unknown set-up '$kind': use demo or dev" ;;
esac
install --no-deps --no-build-isolation -e .
[ "$kind" = demo ] || touch .venv/.ready-demo
touch ".venv/.ready-$kind"
