# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Sourced after lib/net.sh: two emulated ports drv0 and drv1 beside real netdevs.
for k in 0 1; do
	ip link add drv$k type veth peer name far$k
	ip link set far$k mtu 9216 up
	ip link set drv$k address 02:00:00:00:00:0$k mtu 9216 up
done

sanitizer=$(ldd "$rawq" | sed -nE 's/.*=> (.*lib[at]san\.so[^ ]*).*/\1/p')

# emu WIRE0 WIRE1 [OPTION...] -- COMMAND...: run it on the emulated card.
emu() {
	local wires=(--netdev drv0 --wire "$1" --netdev drv1 --wire "$2")
	shift 2
	# A sanitizer wants to be loaded first, ahead of the card, and not into timeout.
	timeout -k 5 100 env LD_PRELOAD="$sanitizer" "$rawq" emu "${wires[@]}" "$@"
}

# tap COMMAND...: its TAP points become ours.
tap() {
	local status=0
	"$@" >$tmp/tap 2>$tmp/complaints || status=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) pass "${line#* - }" ;;
		"not ok "*) fail "${line#* - }" ;;
		"#"*) echo "$line" ;;
		esac
	done <$tmp/tap
	grep -q '^1\.\.[1-9]' $tmp/tap || { fail "ran to its end"; echo "# status $status"; }
	if grep -qE 'violation|leak|Sanitizer|runtime error' $tmp/complaints; then
		fail "the card has nothing to complain of"
		head -n 30 $tmp/complaints | sed 's/^/# /'
	else
		pass "the card has nothing to complain of"
	fi
}
