# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Asking the agents of the rig about migrations.

# One Python for all of the test's picks.
pick_dir=$(mktemp -d "${TMPDIR:-/tmp}/pick.XXXXXX")
cleanup 'rm -rf "$pick_dir"'
mkfifo "$pick_dir/to" "$pick_dir/from"
python3 "$srcdir/tests/rig/pick.py" <"$pick_dir/to" >"$pick_dir/from" &
cleanup "kill $! 2>/dev/null"
disown $!
exec {pick_to}>"$pick_dir/to" {pick_from}<"$pick_dir/from"

# pick EXPRESSION: Python over the JSON on stdin, v.
pick()
{
	local text status=1 said= lock
	text=$(cat)
	exec {lock}>"$pick_dir/lock"
	flock "$lock"
	printf '%s\0' "$1" "$text" >&"$pick_to"
	IFS= read -r -d '' -u "$pick_from" status && IFS= read -r -d '' -u "$pick_from" said
	exec {lock}>&-
	if [ "$status" = 0 ]; then
		printf %s "$said"
	else
		printf %s "$said" >&2
		return 1
	fi
}

# ask HOST METHOD PATH [BODY]: status of the answer; the answer itself is in $RIG_DIR/answer, whole, or in $answer_file.
ask()
{
	local host=$1 method=$2 path=$3 status coming=$RIG_DIR/answer.$BASHPID
	shift 3
	rig_in "$host" curl -s -m 30 --unix-socket /run/clockferry/api.sock -o "$coming" -w '%{http_code}' \
		-X "$method" ${1:+-H 'Content-Type: application/json' -d "$1"} "http://localhost$path"
	status=$?
	mv "$coming" "${answer_file:-$RIG_DIR/answer}" 2>/dev/null
	return $status
}

# begin NAME HOST ARGUMENT...: the command in the background; what it says is in $RIG_DIR/NAME, $job is it.
begin()
{
	local name=$1
	shift
	: >"$RIG_DIR/$name"
	rig_clockferry "$@" >"$RIG_DIR/$name" 2>&1 &
	job=$!
}

# its_id NAME: of the migration begun under that name, as soon as it is said.
its_id()
{
	wait_for 20 grep -q '^migration .*:' "$RIG_DIR/$1"
	sed -n 's/^migration \([^:]*\):.*/\1/p' "$RIG_DIR/$1"
}

phase()
{
	ask "$1" GET "/v1/migrations/$2" >/dev/null && pick 'v["phase"]' <"$RIG_DIR/answer"
}

# in_phase HOST ID PHASES: is it in one of them?
in_phase()
{
	[[ "|$3|" == *"|$(phase "$1" "$2")|"* ]]
}

# copies HOST ID: is memory under way?
copies()
{
	ask "$1" GET "/v1/migrations/$2" >/dev/null &&
		[ "$(pick 'v["phase"] == "copying" and v.get("progress", {}).get("bytes_sent", 0) > 2**20' <"$RIG_DIR/answer")" = True ]
}

# same_receipts ID: both hosts have it, equal but for the side; the source's goes to stdout.
same_receipts()
{
	rig_clockferry A show "$1" --json >"$RIG_DIR/receipt-A" && rig_clockferry B show "$1" --json >"$RIG_DIR/receipt-B" &&
		[ "$(sed -n 's/.*"side": "\(.*\)".*/\1/p' "$RIG_DIR"/receipt-[AB] | sort | paste -sd' ')" = "destination source" ] &&
		diff <(grep -v '"side"' "$RIG_DIR/receipt-A") <(grep -v '"side"' "$RIG_DIR/receipt-B")
}

both_have()
{
	wait_for 10 same_receipts "$1" || same_receipts "$1"
}

# receipt EXPRESSION: over the last one that same_receipts had.
receipt()
{
	pick "$1" <"$RIG_DIR/receipt-A"
}

# truth N EXPRESSION: Python over the N-th landed migration of the test's array receipts ("GUEST FILE SKEW-MS" each, in
# order): its receipt r, what $RIG_DIR/verdict-GUEST has of that change c, its true and measured blackout s and b, by how
# much the guest's clock was moved m, and what was left by the receipt, left.
truth()
{
	local guest file
	read -r guest file _ <<<"${receipts[$1]}"
	python3 - "$RIG_DIR/verdict-$guest" "$file" "$(printf '%s\n' "${receipts[@]:0:$1}" | grep -c "^$guest ")" "$2" <<-'P'
		import json, sys
		v, r = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
		c = v["changes"][int(sys.argv[3])]
		s, b, m, left = c["stood_ns"], r["blackout"], c["clock_moved_ns"], r["landing"]["residuals"][-1]["residual"]
		ms = lambda i: "%.2f .. %.2f ms" % (i["low_ns"] / 1e6, i["high_ns"] / 1e6)
		meet = lambda a, b: a["low_ns"] <= b["high_ns"] and b["low_ns"] <= a["high_ns"]
		print(eval(sys.argv[4]))
	P
}
