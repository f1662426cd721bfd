/*
 * Fuzz main: makes a fuzzer an ordinary program that replays files, so that `./test` runs every
 * known input through every oracle. With -Dfuzz=true libFuzzer's own main takes its place.
 *
 *     fuzz_json tests/corpus/json          each file below the folder, then a bounded number of
 *                                          mutations of them (seed printed)
 *
 * Layer: base, tests only. Memory: one input at a time. Thread: main.
 */
#include "base/mem.h"
#include "base/random.h"
#include "base/types.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    INPUT_MAX = 1024 * 1024,   /* bytes; longer files are cut */
    MUTATIONS_DEFAULT = 20000, /* VIGIE_FUZZ_RUNS changes it */
    SEEDS_MAX = 4096,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

typedef struct Input {
    u8 *data; /* owned */
    size_t size;
} Input;

static Input inputs[SEEDS_MAX];
static size_t input_count;

static void load_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || input_count == SEEDS_MAX) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(EXIT_FAILURE);
    }
    u8 *data = mem_alloc(INPUT_MAX);
    size_t size = fread(data, 1, INPUT_MAX, file);
    (void)fclose(file);
    inputs[input_count++] = (Input){.data = mem_grow(data, size ? size : 1, 1), .size = size};
}

static void load_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        load_file(path);
        return;
    }
    DIR *dir = opendir(path);
    if (!dir) {
        (void)fprintf(stderr, "cannot open %s\n", path);
        exit(EXIT_FAILURE);
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char child[4096];
        if (entry->d_name[0] != '.') {
            (void)snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
            load_path(child);
        }
    }
    (void)closedir(dir);
}

/* An exact-size heap copy, so that a sanitizer sees one byte too far. */
static void run_exact(const u8 *data, size_t size)
{
    u8 *copy = malloc(size ? size : 1);
    if (!copy) {
        exit(EXIT_FAILURE);
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t mutate(Random *random, const Input *from, u8 *to)
{
    size_t size = MIN(from->size, (size_t)INPUT_MAX - 64);
    memcpy(to, from->data, size);
    u64 edits = 1 + random_below(random, 4);
    for (u64 i = 0; i < edits; i++) {
        size_t at = size ? random_below(random, size) : 0;
        switch (random_below(random, 5)) {
        case 0: /* flip a bit */
            if (size) {
                to[at] ^= (u8)(1U << random_below(random, 8));
            }
            break;
        case 1: /* cut the end */
            size = at;
            break;
        case 2: /* drop a byte */
            if (size) {
                memmove(to + at, to + at + 1, size - at - 1);
                size--;
            }
            break;
        case 3: /* put a random byte in */
            memmove(to + at + 1, to + at, size - at);
            to[at] = (u8)random_u64(random);
            size++;
            break;
        default: /* splice from another input */
            if (input_count > 0) {
                const Input *other = &inputs[random_below(random, input_count)];
                size_t part = MIN(other->size, (size_t)16);
                size_t start = other->size > part ? random_below(random, other->size - part) : 0;
                size_t room = MIN(part, size - at);
                memcpy(to + at, other->data + start, room);
            }
            break;
        }
    }
    return size;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        load_path(argv[i]);
    }
    for (size_t i = 0; i < input_count; i++) {
        run_exact(inputs[i].data, inputs[i].size);
    }
    const char *given_runs = getenv("VIGIE_FUZZ_RUNS");
    const char *given_seed = getenv("VIGIE_SEED");
    u64 runs = given_runs ? strtoull(given_runs, NULL, 10) : MUTATIONS_DEFAULT;
    u64 seed = given_seed ? strtoull(given_seed, NULL, 10) : (u64)time(NULL);
    (void)printf("%zu inputs replayed; %llu mutations, VIGIE_SEED=%llu\n", input_count,
                 (unsigned long long)runs, (unsigned long long)seed);
    (void)fflush(stdout);

    Random random;
    random_seed(&random, seed);
    u8 *work = mem_alloc(INPUT_MAX + 64);
    for (u64 i = 0; i < runs && input_count > 0; i++) {
        size_t size = mutate(&random, &inputs[random_below(&random, input_count)], work);
        run_exact(work, size);
    }
    mem_free(work);
    for (size_t i = 0; i < input_count; i++) {
        mem_free(inputs[i].data);
    }
    return EXIT_SUCCESS;
}
