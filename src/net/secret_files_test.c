/* Tests of net/secret_files.h. */
#include "net/secret_files.h"

#include "base/test.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void path_make(char *path, size_t size)
{
    (void)snprintf(path, size, "/tmp/vigie-secret-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && close(fd) == 0);
}

static Str get(SecretFiles *files, const char *path, i64 now_ns)
{
    Str text;
    Err err;
    CHECK_OK(secret_file_get(files, str_from(path), now_ns, &text, &err), &err);
    return text;
}

TEST(secret_files, a_change_is_seen_after_a_second_and_not_before)
{
    SecretFiles files = {0};
    char path[64];
    i64 now_ns = 5 * NS_PER_SECOND;
    path_make(path, sizeof(path));
    put(path, "\n first\t\n");
    CHECK_STR(get(&files, path, now_ns), S("first"));
    put(path, "other"); /* maybe within the same tick of the file system's clock */
    CHECK_STR(get(&files, path, now_ns + NS_PER_SECOND - 1), S("first"));
    CHECK_STR(get(&files, path, now_ns + NS_PER_SECOND), S("other"));
    put(path, "");
    CHECK_STR(get(&files, path, now_ns + 2 * NS_PER_SECOND), S(""));
    secret_files_done(&files);
    CHECK(unlink(path) == 0);
}

TEST(secret_files, a_file_that_stays_is_not_read_again)
{
    SecretFiles files = {0};
    char path[64];
    i64 now_ns = NS_PER_SECOND;
    path_make(path, sizeof(path));
    put(path, "token");
    usleep(2100 * 1000); /* older than what may still change unseen */
    Str text = get(&files, path, now_ns);
    CHECK_STR(text, S("token"));
    *(char *)(uintptr_t)text.ptr = 'T'; /* a read would bring the small letter back */
    for (int i = 0; i < 10; i++) {
        CHECK_STR(get(&files, path, now_ns += NS_PER_SECOND), S("Token"));
    }
    CHECK(chmod(path, 0640) == 0); /* changes the inode, and so brings a read */
    CHECK_STR(get(&files, path, now_ns += NS_PER_SECOND), S("token"));
    secret_files_done(&files);
    CHECK(unlink(path) == 0);
}

TEST(secret_files, a_file_that_has_gone_is_an_error_and_comes_back)
{
    SecretFiles files = {0};
    char path[64];
    Str text = S("untouched");
    Err err;
    path_make(path, sizeof(path));
    put(path, "token");
    CHECK_STR(get(&files, path, NS_PER_SECOND), S("token"));
    CHECK(unlink(path) == 0);
    CHECK(!secret_file_get(&files, str_from(path), 2 * NS_PER_SECOND, &text, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    CHECK_STR(text, S("untouched"));
    put(path, "again");
    CHECK_STR(get(&files, path, 2 * NS_PER_SECOND), S("again")); /* at once: errors are not kept */
    CHECK(unlink(path) == 0);
    secret_files_done(&files);
}

TEST(secret_files, more_files_than_are_kept_stay_right)
{
    enum { FILES = 1100 };
    SecretFiles files = {0};
    char folder[] = "/tmp/vigie-secrets-XXXXXX";
    char path[64];
    CHECK(mkdtemp(folder) != NULL);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < FILES; i++) {
            char text[16];
            (void)snprintf(path, sizeof(path), "%s/%d", folder, i);
            (void)snprintf(text, sizeof(text), "%d", i);
            if (round == 0) {
                put(path, text);
            }
            CHECK_STR(get(&files, path, NS_PER_SECOND), str_from(text));
        }
    }
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof(path), "%s/%d", folder, i);
        CHECK(unlink(path) == 0);
    }
    CHECK(rmdir(folder) == 0);
    secret_files_done(&files);
}
