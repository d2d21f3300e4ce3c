#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual says what the programs do: each setting with its default and range,
# finding, route, command and option stands in it, and nothing else does.

: "${srcdir:=.}" "${builddir:=.}"
conf=$srcdir/daemon/clockferryd.conf.5
agent=$srcdir/daemon/clockferryd.8
command=$srcdir/client/clockferry.1
n=0
bad=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# same NAME LEAST: the two lists ./program and ./manual have the same lines, and at least so many.
same()
{
	n=$((n + 1))
	sort -o "$tmp/program" "$tmp/program"
	sort -o "$tmp/manual" "$tmp/manual"
	count=$(wc -l <"$tmp/program")
	if found=$(diff "$tmp/program" "$tmp/manual") && [ "$count" -ge "$2" ]; then
		echo "ok $n - $1 ($count)"
	else
		echo "not ok $n - $1"
		printf '# %s: < is missing in the manual, > stands only there\n' "$count"
		printf '%s\n' "$found" | sed 's/^/# /'
		bad=1
	fi
}

# "group|key = value|(range)" of every setting, from the example.
settings()
{
	"$builddir/clockferryd" --print-defaults | awk '
		{ sub(/^[# \t]+/, "") }
		/^[a-z]+( "[^"]*")? \{$/ { group = $1; text = ""; next }
		/^[a-z-]+ = / {
			range = match(text, /\(([^()]+ to [^()]+|one of [^()]+)\)$/) ? substr(text, RSTART) : ""
			print group "|" $0 "|" range
			text = ""
			next
		}
		/^$/ { text = ""; next }
		{ text = text (text ? " " : "") $0 }' | sed 's,"/[^"]*\(/clockferry/pki/\),"/etc\1,'
}

# The same, from the manual.
settings_manual()
{
	sed -n '/^\.Sh SETTINGS/,/^\.Sh POLICIES/p' "$conf" | sed 's/\\(dq/"/g' | awk '
		function flush() { if (key) print group "|" key "|" range; key = range = "" }
		/^\.Ss Outside/ { group = ""; next }
		/^\.Ss / { flush(); group = $2; next }
		/^\.It Ic / { flush(); key = substr($0, 8); next }
		/^\(([^()]+ to [^()]+|one of [^()]+)\)$/ { range = $0 }
		END { flush() }'
}

# "code severity" of each finding; "code severity, always" where that cannot be changed.
severities()
{
	awk '
		/^\t\[CF_FINDING_[A-Z_]*\] *= "/ { split($0, part, /[][" ]+/); word[part[2]] = $NF; next }
		/^\t\[CF_FINDING_[A-Z_]*\] = \{ CF_SEVERITY_/ { code = $1; gsub(/[][]/, "", code); severity = tolower($4) }
		code && /\},$/ {
			gsub(/cf_severity_|,/, "", severity)
			gsub(/[",]/, "", word[code])
			print word[code] " " severity (/ ALWAYS \},$/ ? ", always" : "")
			code = ""
		}' "$srcdir/proto/finding.c" | grep -v '^unknown '
}

# --options of a help text.
options()
{
	"$@" --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

options_manual()
{
	sed -n 's/^\.It .*Fl Fl \([a-z-]*\).*/--\1/p' "$1"
}

# "policy|key = value" of what the policies that ship have other than the default.
policies()
{
	"$builddir/clockferryd" --print-settings --config /dev/null | awk '
		{ sub(/^[# \t]+/, "") }
		/^policy "[^"]*" \{$/ { policy = $2 }
		/^[a-z-]+ = / && policy == "\"default\"" { usual[$0] = 1 }
		/^[a-z-]+ = / && policy && !usual[$0] { print policy "|" $0 }'
}

policies_manual()
{
	sed -n '/^\.Sh POLICIES/,/^\.Sh FINDINGS/p' "$conf" | awk '
		{ sub(/^[ \t]+/, "") }
		/^policy "[^"]*" \{$/ { policy = $2 }
		/^[a-z-]+ = / { print policy "|" $0 }'
}

# words MEMBER: those that the API has for it, but for what a newer agent might say.
words()
{
	sed -n "s/^  $1  *one of \\([^;]*\\).*/\\1/p" "$tmp/api" | sort -u | tr -d ' ' | tr , '\n' | grep -vx unknown
}

settings >"$tmp/program"
settings_manual >"$tmp/manual"
same "settings: group, key, default and range" 40

policies >"$tmp/program"
policies_manual >"$tmp/manual"
same "policies that ship" 15

severities >"$tmp/program"
sed -n '/^\.Sh FINDINGS/,/^\.Sh FILES/s/^\.It Ic \([a-z-]*\) Pq \([a-z, ]*\)$/\1 \2/p' "$conf" >"$tmp/manual"
same "findings, and what policy makes of each" 30

"$builddir/clockferryd" --print-api >"$tmp/api"
awk '/^[A-Z]+ \/v1\// { route = $0 } sub(/^  who +/, "") { print route "|" $0 }' "$tmp/api" >"$tmp/program"
sed -n 's/^\.It Ic \([A-Z]* \/[^ ]*\) Pq \(.*\)/\1|\2/p' "$agent" >"$tmp/manual"
same "routes, and who may" 15

{ words phase; words outcome; } >"$tmp/program"
sed -n '/^\.Ss Phases and outcomes/,/^\.Ss Errors/s/^\.It Ic \([a-z-]*\)$/\1/p' "$agent" >"$tmp/manual"
same "phases and outcomes" 20

{ echo open; echo ended; words phase; } >"$tmp/program"
sed -n '/^\.It Fl Fl state/,/^\.It Fl Fl domain/s/^\.Ic \([a-z-]*\) .*/\1/p' "$command" >"$tmp/manual"
same "states that can be asked for" 20

sed -n 's/^\t\[CF_[A-Z_]*\] *= { "\([a-z-]*\)", *\([0-9]*\),.*/\1 \2/p' "$srcdir/proto/error.c" | grep -v '^ok ' >"$tmp/program"
sed -n '/^\.Ss Errors/,/^\.Ss Pages/s/^\.It Ic \([a-z-]*\) Pq \([0-9]*\)$/\1 \2/p' "$agent" >"$tmp/manual"
same "codes of errors, and their statuses" 12

sed -n '/ notice_message_fields\[\] = {/,/^};/s/^\tCF_[A-Z]*(T, \([a-z_]*\)[,)].*/\1/p' "$srcdir/proto/notice.c" >"$tmp/program"
sed -n '/^\.Sh NOTICE/,/^\.Sh FINDINGS/s/^\.It Ic \([a-z_]*\)$/\1/p' "$conf" >"$tmp/manual"
same "members of a notice" 4

# The parameters of all routes; those of the manual stand behind its routes.
grep -oE '&cf_[a-z_]*query_shape' "$srcdir/proto/route.c" | sort -u | tr -d '&' | sed 's/^cf_//; s/_shape$/_fields/' | while read -r table; do
	cat "$srcdir"/proto/*.c | sed -n "/ ${table}\[\] = {/,/^};/s/^\tCF_[A-Z]*(T, \([a-z_]*\),.*/\1/p"
done | sort -u >"$tmp/program"
sed -n '/^\.Sh HTTP API/,/^\.Sh CAPABILITIES/s/^\.It Ic \([a-z]*\) Ns = Ns .*/\1/p' "$agent" >"$tmp/manual"
same "parameters of queries" 4

options "$builddir/clockferryd" >"$tmp/program"
options_manual "$agent" >"$tmp/manual"
same "options of clockferryd" 6

"$builddir/clockferry" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' >"$tmp/program"
sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$command" >"$tmp/manual"
same "commands" 10

options "$builddir/clockferry" >"$tmp/program"
options_manual "$command" >"$tmp/manual"
same "options of clockferry" 8

# What stands in the manual as an example is one; with a fault in it, it is told where.
sed -n '/^\.Sh EXAMPLES/,/^\.Sh /p' "$conf" | sed -n '/^\.Bd -literal/,/^\.Ed/p' | sed '1d;$d' >"$tmp/example.conf"
n=$((n + 1))
if found=$("$builddir/clockferryd" --check-config --config "$tmp/example.conf" 2>&1) && [ -s "$tmp/example.conf" ]; then
	echo "ok $n - the example in the manual is taken"
else
	echo "not ok $n - the example in the manual is taken"
	echo "# $found"
	bad=1
fi
n=$((n + 1))
sed '2s/^/prot = 1 /' "$tmp/example.conf" >"$tmp/fault.conf"
found=$("$builddir/clockferryd" --check-config --config "$tmp/fault.conf" 2>&1)
if [ $? = 6 ] && [ "$found" = "clockferryd: $tmp/fault.conf:2: no such option 'prot': is it 'port'?" ]; then
	echo "ok $n - a fault in it is told, with the exit status of the manual"
else
	echo "not ok $n - a fault in it is told, with the exit status of the manual"
	echo "# $found"
	bad=1
fi
n=$((n + 1))
"$builddir/clockferryd" --check-config --config "$tmp/none" 2>/dev/null
if [ $? = 6 ]; then
	echo "ok $n - a file that was named has to be there"
else
	echo "not ok $n - a file that was named has to be there"
	bad=1
fi

for page in "$conf" "$agent" "$command" "$srcdir/kvm/libclockferry-kvm.7"; do
	n=$((n + 1))
	if ! command -v groff >/dev/null; then
		echo "ok $n - ${page##*/} formats without a warning # SKIP no groff"
	elif found=$(groff -mandoc -Tutf8 -ww "$page" 2>&1 >/dev/null) && [ -z "$found" ]; then
		echo "ok $n - ${page##*/} formats without a warning"
	else
		echo "not ok $n - ${page##*/} formats without a warning"
		printf '%s\n' "$found" | sed 's/^/# /'
		bad=1
	fi
done

echo "1..$n"
exit $bad
