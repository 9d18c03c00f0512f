# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Installing what a script needs on Debian: nothing where everything is there, and
# through apt-get as root or by sudo otherwise. Sourced by the scripts beside it.

bootstrap_missing=""

# need_command COMMAND PACKAGE...: the packages, unless the command is there.
need_command() {
    command -v "$1" >/dev/null 2>&1 && return 0
    shift
    bootstrap_missing="$bootstrap_missing $*"
}

# need_package PACKAGE...: each one that dpkg does not know as installed.
need_package() {
    for package in "$@"; do
        case "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" in
        installed) ;;
        *) bootstrap_missing="$bootstrap_missing $package" ;;
        esac
    done
}

# Compiler, build tools and the libraries that the command itself links.
need_build() {
    need_command cc gcc
    need_command cmake cmake
    need_command ninja ninja-build
    need_command pkg-config pkgconf
    need_package libc6-dev libssl-dev zlib1g-dev liblzma-dev libpng-dev \
        libjansson-dev
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# Installs what the calls above found missing.
install_needed() {
    [ -n "$bootstrap_missing" ] || return 0
    script=$(basename "$0")
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "$script: missing:$bootstrap_missing, and there is no apt-get to install them" >&2
        exit 1
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
        echo "$script: missing:$bootstrap_missing; run as root or install them first" >&2
        exit 1
    fi
    echo "$script: installing$bootstrap_missing"
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words
    if ! { as_root apt-get update -q && as_root apt-get install -q -y \
        --no-install-recommends $bootstrap_missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "$script: apt-get could not install$bootstrap_missing" >&2
        exit 1
    fi
    rm -f "$log"
    bootstrap_missing=""
}

# build PRESET: configures and builds, quietly unless it fails.
build() {
    if ! mkdir -p build 2>/dev/null || [ ! -w build ]; then
        echo "$(basename "$0"): cannot write to $(pwd)/build, where the program is built" >&2
        exit 1
    fi
    cmake --preset "$1" -Wno-dev >/dev/null && cmake --build --preset "$1" -- --quiet
}
