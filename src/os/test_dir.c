/* See test_dir.h. Layer: os, tests only. Thread: main. */
#include "os/test_dir.h"

#include "base/test.h"
#include "os/dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void test_dir_make(TestDir *dir)
{
    static const char template[] = "/tmp/vigie-test-XXXXXX";
    memcpy(dir->path, template, sizeof(template));
    CHECK(mkdtemp(dir->path) != NULL);
}

void test_dir_remove(TestDir *dir)
{
    Err err;
    CHECK_OK(dir_remove_all(dir->path, &err), &err);
}

const char *test_dir_path(const TestDir *dir, const char *path)
{
    static char paths[4][2 * TEST_PATH_MAX];
    static size_t turn;
    char *to = paths[turn++ % COUNT_OF(paths)];
    int len = snprintf(to, sizeof(paths[0]), "%s/%s", dir->path, path);
    CHECK(len > 0 && (size_t)len < sizeof(paths[0]));
    return to;
}
