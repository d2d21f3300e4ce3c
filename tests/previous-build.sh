# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# For tests/previous*.sh: the version before this one.  That is the one of the last tag before this commit; where there
# is none, the last commit that spoke the minor version of the API before this one.  PREVIOUS names another commit.

previous()
{
	local raised
	git -C "$srcdir" describe --tags --abbrev=0 HEAD^ 2>/dev/null && return
	raised=$(git -C "$srcdir" log -1 --format=%H -G'#define CF_MINOR' -- proto/version.h)
	git -C "$srcdir" cat-file -e "$raised^:proto/version.h" 2>/dev/null && git -C "$srcdir" rev-parse "$raised^"
}

# requires_previous: $PREVIOUS, or all is skipped.
requires_previous()
{
	requires_command git autoreconf
	git -C "$srcdir" rev-parse --git-dir >/dev/null 2>&1 || skip_all "not a git checkout: there is no history to build from"
	PREVIOUS=${PREVIOUS:-$(previous)}
	if [ -z "$PREVIOUS" ] && [ "$(git -C "$srcdir" rev-parse --is-shallow-repository)" = true ]; then
		skip_all "a shallow clone: the previous version is not in it"
	fi
	[ "$PREVIOUS" ] || skip_all "this is the first version"
	export PREVIOUS
}

# build_previous: into $before, a folder of the build by its commit, kept because it takes a while; $commit is it.
build_previous()
{
	commit=$(git -C "$srcdir" rev-parse "$PREVIOUS^{commit}") || return
	before=$builddir/previous/$commit
	mkdir -p "$builddir/previous"
	(
		flock 9	# tests run beside each other
		[ ! -e "$before/made" ] || exit 0
		rm -rf "$before" && mkdir -p "$before"
		git clone -q --shared --no-checkout "$srcdir" "$before/source" && git -C "$before/source" checkout -q "$commit" &&
			(cd "$before/source" && autoreconf -i) && (cd "$before" && source/configure -q) &&
			make -C "$before" -j"$(nproc)" clockferryd clockferry && touch "$before/made"
	) 9>"$builddir/previous/lock"
}
