/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Runs a fuzz target once over each file of its corpus, as a plain test.
 *
 * usage: fuzz-main NAME [DIR]. Each input is copied to a heap block of exactly
 * its size, so that AddressSanitizer sees a read past the end. The empty input
 * is always run. Prints one TAP line. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_one(const char *dir, const char *name)
{
	char *path = NULL;
	uint8_t *data;
	FILE *f;
	long size;
	int r = -1;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -1;
	f = fopen(path, "rb");
	free(path);
	if (!f)
		return -1;
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 &&
	    fseek(f, 0, SEEK_SET) == 0) {
		data = malloc((size_t)size);
		if (fread(data, 1, (size_t)size, f) == (size_t)size) {
			LLVMFuzzerTestOneInput(data, (size_t)size);
			r = 0;
		}
		free(data);
	}
	fclose(f);
	return r;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int main(int argc, char **argv)
{
	struct dirent **names = NULL;
	int failed = 0, ran = 0, n, i;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(60);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	n = argc > 2 ? scandir(argv[2], &names, NULL, by_name) : 0;
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			ran++;
			failed |= run_one(argv[2], names[i]->d_name) != 0;
		}
		free(names[i]);
	}
	free(names);
	printf("%sok - %s: empty input and %d of the corpus\n",
	       failed ? "not " : "", argv[1], ran);
	return failed;
}
