/*
 * A temporary folder for a test of the os layer.
 *
 * Layer: os, tests only. Memory: the caller's. Thread: main.
 */
#pragma once

#include "base/types.h"

enum { TEST_PATH_MAX = 256 };

typedef struct TestDir {
    char path[TEST_PATH_MAX];
} TestDir;

void test_dir_make(TestDir *dir);
void test_dir_remove(TestDir *dir);

/* `path` below the folder; valid until the fourth call from now. */
const char *test_dir_path(const TestDir *dir, const char *path);
