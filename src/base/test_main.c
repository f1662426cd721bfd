/* Test: see test.h. Layer: base, tests only. Thread: main. */
#include "base/test.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static TestCase *first_test;

void test_register(TestCase *test)
{
    test->next = first_test;
    first_test = test;
}

static bool has_other_threads(void)
{
    size_t count = 0;
    DIR *threads = opendir("/proc/self/task");
    for (const struct dirent *entry; threads && (entry = readdir(threads));) {
        count += entry->d_name[0] != '.';
    }
    if (threads) {
        (void)closedir(threads);
    }
    return count > 1;
}

/* The jump out of a test gives its frame to the next one. Threads that the test has started would
 * go on writing into that frame, so with any of them left the program ends here. */
static void failed(const char *file, int line)
{
    if (has_other_threads()) {
        print_error("%s:%d: failed while threads of the test run: the tests behind it are left "
                    "out\n",
                    file, line);
        (void)fflush(stdout);
        _exit(EXIT_FAILURE);
    }
    _fail(file, line);
}

void check_true(bool ok, const char *text, const char *file, int line)
{
    if (!ok) {
        print_error("%s:%d: not true: %s\n", file, line, text);
        failed(file, line);
    }
}

void check_i64(i64 got, i64 want, const char *text, const char *file, int line)
{
    if (got != want) {
        print_error("%s:%d: %s is %lld, want %lld\n", file, line, text, (long long)got,
                    (long long)want);
        failed(file, line);
    }
}

void check_u64(u64 got, u64 want, const char *text, const char *file, int line)
{
    if (got != want) {
        print_error("%s:%d: %s is %llu, want %llu\n", file, line, text, (unsigned long long)got,
                    (unsigned long long)want);
        failed(file, line);
    }
}

void check_f64(f64 got, f64 want, const char *text, const char *file, int line)
{
    if (memcmp(&got, &want, sizeof(got)) != 0 && !(isnan(got) && isnan(want))) {
        print_error("%s:%d: %s is %.17g, want %.17g\n", file, line, text, got, want);
        failed(file, line);
    }
}

void check_str(Str got, Str want, const char *text, const char *file, int line)
{
    if (!str_eq(got, want)) {
        print_error("%s:%d: %s is\n  \"" STR_FMT "\", want\n  \"" STR_FMT "\"\n", file, line, text,
                    STR_ARG(got), STR_ARG(want));
        failed(file, line);
    }
}

void check_ok(bool ok, const Err *err, const char *text, const char *file, int line)
{
    if (!ok) {
        print_error("%s:%d: %s failed: %s\n", file, line, text, err ? err->message : "");
        failed(file, line);
    }
}

void test_skip(const char *reason)
{
    print_message("skipped: %s\n", reason);
    _skip(__FILE__, __LINE__);
    abort(); /* _skip jumps out of the test */
}

u64 test_seed(void)
{
    static u64 seed;
    if (seed == 0) {
        const char *given = getenv("VIGIE_SEED");
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        seed = given ? strtoull(given, NULL, 10) : (u64)now.tv_nsec * 2654435761U + (u64)now.tv_sec;
        print_message("seed: VIGIE_SEED=%llu\n", (unsigned long long)seed);
    }
    return seed;
}

bool test_conformance_dir(Str *ret)
{
    const char *given = getenv("VIGIE_CONFORMANCE");
    const char *dir = given ? given : VIGIE_SOURCE_ROOT "/../shared/conformance";
    struct stat status;
    if (stat(dir, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return false;
    }
    *ret = str_from(dir);
    return true;
}

static void run_one(void **state)
{
    const TestCase *test = *state;
    test->run();
}

static bool selected(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(name, argv[i], strlen(argv[i])) == 0) {
            return true;
        }
    }
    return argc < 2;
}

/* Registration order depends on the linker; by name it is the same everywhere. */
static int by_name(const void *a, const void *b)
{
    const struct CMUnitTest *left = a;
    const struct CMUnitTest *right = b;
    return strcmp(left->name, right->name);
}

int main(int argc, char **argv)
{
    size_t total = 0;
    for (const TestCase *test = first_test; test; test = test->next) {
        total++;
    }
    struct CMUnitTest *tests = calloc(total + 1, sizeof(*tests));
    size_t count = 0;
    for (TestCase *test = first_test; test && tests; test = test->next) {
        char name[256];
        (void)snprintf(name, sizeof(name), "%s.%s", test->area, test->name);
        if (selected(name, argc, argv)) {
            tests[count++] = (struct CMUnitTest){
                .name = strdup(name), .test_func = run_one, .initial_state = test};
        }
    }
    if (!tests || count == 0) {
        (void)fprintf(stderr, "no test has that name\n");
        return EXIT_FAILURE;
    }
    qsort(tests, count, sizeof(*tests), by_name);
    int failures = _cmocka_run_group_tests(argv[0], tests, count, NULL, NULL);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
