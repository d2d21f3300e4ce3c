/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/meant.h"

#include <string.h>

#define LONGEST 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters have to be changed, added, left out or swapped with the next one to make b of a. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned char d[LONGEST + 1][LONGEST + 1];

	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}

const char *cf_meant(const char *said, const char *const *first, size_t n, size_t stride)
{
	size_t length = strlen(said), nearest = least(2, length / 3) + 1;
	const char *meant = NULL;

	if (length > LONGEST)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)first + i * stride);
		size_t other = strlen(name), far;

		if (other > LONGEST)
			continue;
		far = distance(said, length, name, other);
		if (far < nearest) {
			nearest = far;
			meant = name;
		}
	}
	return meant;
}
