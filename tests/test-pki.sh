#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The rig's certificates are good and bad in the way their names say.
. "$srcdir/tests/tap.sh"
requires_command certtool

dir=$(mktemp -d)
cleanup 'rm -rf "$dir"'
ok "the certificates are made" "$srcdir/tests/rig/pki.sh" "$dir"

verdict()
{
	certtool --verify --load-ca-certificate "$dir/ca.pem" --infile "$dir/$1.pem" 2>&1
}

for name in hA hB hR operator stranger; do
	ok "$name is trusted" verdict $name
done
for name in hA hB; do
	like "$name may serve" "$(certtool -i --infile "$dir/$name.pem")" 'TLS WWW Server'
	like "$name names its host" "$(certtool -i --infile "$dir/$name.pem")" "DNSname: $name"
done
like "expired is not, for that reason" "$(verdict expired)" 'uses expired certificate'
like "early is not, for that reason" "$(verdict early)" 'uses not yet valid certificate'
like "other is not, for that reason" "$(verdict other)" 'issuer is unknown'

before=$(cat "$dir/hA.pem")
"$srcdir/tests/rig/pki.sh" "$dir"
is "they are made once" "$(cat "$dir/hA.pem")" "$before"
finish
