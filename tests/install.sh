#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What `make install` puts down is enough to build on: header, both libraries, pkg-config file,
# and nothing exported but rawq_*.
set -u
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
points=0 broken=0
check() {
	local name=$1 said
	shift
	points=$((points + 1))
	if said=$("$@" 2>&1); then
		echo "ok $points - $name"
	else
		echo "not ok $points - $name"
		sed 's/^/# /' <<<"$said"
		broken=1
	fi
}
prefix=$(meson introspect "$RAWQ_BUILD" --buildoptions |
	/usr/bin/python3 -c 'import json,sys; print({o["name"]: o["value"] for o in json.load(sys.stdin)}["prefix"])')
check "meson installs" env DESTDIR="$root" meson install -C "$RAWQ_BUILD" --no-rebuild --quiet
tree=$root$prefix
lib=$(dirname "$(find "$tree" -name librawq.a | head -n 1)")
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
program=$RAWQ_SOURCE/examples/count.c

is_version() {
	[ "$("$tree/bin/rawq" --version)" = "rawq $(pkg-config --modversion rawq)" ]
}
only_ours() {
	local others
	others=$(nm -D --defined-only "$lib/librawq.so" | grep -vE ' (rawq_\w+@@RAWQ_[0-9.]+|RAWQ_[0-9.]+)$')
	[ -z "$others" ] || { echo "$others"; false; }
}
# Every function of the header is there, and no other.
as_declared() {
	diff <(grep -oE '\brawq_\w+\(' "$tree/include/rawq.h" | tr -d '(' | sort -u |
		grep -vE '^rawq_(rx_burst|rx_post|tx_burst|tx_reap)$') \
		<(nm -D --defined-only "$lib/librawq.so" | sed -nE 's/.* T (rawq_\w+)@@.*/\1/p' | sort -u)
}
soname() {
	objdump -p "$lib/librawq.so" | grep -qE 'SONAME +librawq\.so\.0$'
}
shared() {
	# shellcheck disable=SC2046
	gcc $SANITIZE -o "$root/shared" "$program" $(pkg-config --cflags --libs rawq) &&
		LD_LIBRARY_PATH=$lib ldd "$root/shared" | grep -q "librawq.so.0 => $lib" &&
		LD_LIBRARY_PATH=$lib "$root/shared" 2>&1 | grep -q usage
}
static() {
	# shellcheck disable=SC2046
	gcc $SANITIZE -o "$root/static" "$program" $(pkg-config --cflags rawq) "$lib/librawq.a" \
		$(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --static --libs-only-l rawq | sed "s/-lrawq//") &&
		! ldd "$root/static" | grep -q librawq && "$root/static" 2>&1 | grep -q usage
}
# A sanitized library needs its runtime in the program.
SANITIZE=$(meson introspect "$RAWQ_BUILD" --buildoptions |
	/usr/bin/python3 -c 'import json,sys
v = {o["name"]: o["value"] for o in json.load(sys.stdin)}["b_sanitize"]
print("" if v == "none" else "-fsanitize=" + v)')

check "the command runs from there, and pkg-config knows the version" is_version
check "only rawq_* is exported, under a version" only_ours
check "exported is what rawq.h declares" as_declared
check "the soname is librawq.so.0" soname
check "an example builds on the shared library" shared
check "an example builds on the static library" static
echo "1..$points"
exit $broken
