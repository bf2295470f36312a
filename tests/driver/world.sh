# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Sourced after lib/net.sh: two emulated ports drv0 and drv1 beside real netdevs.
if [ ! -e "$RAWQ_BUILD/emu/librawq-emu.so" ]; then
	echo "1..0 # SKIP the emulated card is not built"
	exit 0
fi
for k in 0 1; do
	ip link add drv$k type veth peer name far$k
	ip link set far$k mtu 9216 up
	ip link set drv$k address 02:00:00:00:00:0$k mtu 9216 up
done

sanitizer=$(ldd "$RAWQ_BUILD/emu/librawq-emu.so" | sed -nE 's/.*=> (.*lib[at]san\.so[^ ]*).*/\1/p')

# emu WIRE0 WIRE1 [CONFIG-LINE...] -- COMMAND...: run it on the emulated card.
emu() {
	local dir
	dir=$(mktemp -d $tmp/emuXXXXXX)
	printf 'port 0000:e1:00.0 drv0 02:00:00:00:00:00 %s\n' "$1" >"$dir/config"
	printf 'port 0000:e1:00.1 drv1 02:00:00:00:00:01 %s\n' "$2" >>"$dir/config"
	shift 2
	while [ "$1" != -- ]; do
		echo "$1" >>"$dir/config"
		shift
	done
	shift
	# A sanitizer wants to be loaded first, and into nothing but the program.
	timeout -k 5 100 env RAWQ_EMU="$dir" LD_PRELOAD="$sanitizer $RAWQ_BUILD/emu/librawq-emu.so" "$@"
}

# tap COMMAND...: its TAP points become ours.
tap() {
	"$@" >$tmp/tap 2>$tmp/complaints
	local status=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) pass "${line#* - }" ;;
		"not ok "*) fail "${line#* - }" ;;
		"#"*) echo "$line" ;;
		esac
	done <$tmp/tap
	grep -q '^1\.\.[1-9]' $tmp/tap || { fail "ran to its end"; echo "# status $status"; }
	if grep -q violation $tmp/complaints; then
		fail "the card has nothing to complain of"
		head -n 5 $tmp/complaints | sed 's/^/# /'
	else
		pass "the card has nothing to complain of"
	fi
}
