/* Tests of base/test.h. */
#include "base/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *wait_for_ever(void *self)
{
    for (;;) {
        (void)pause();
    }
    return self;
}

static void fail_beside_a_thread(int out)
{
    pthread_t thread;
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(out, STDERR_FILENO);
    (void)alarm(30); /* should the jump out of the check be taken, into a copy of this program */
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) == 0) {
        check_true(false, "a condition", "x.c", 7);
    }
    _exit(EXIT_SUCCESS);
}

TEST(test, a_failure_beside_running_threads_ends_the_program)
{
    int ends[2];
    char text[1024];
    size_t len = 0;
    ssize_t got;
    int status;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        fail_beside_a_thread(ends[1]);
    }
    (void)close(ends[1]);
    while (len < sizeof(text) && (got = read(ends[0], text + len, sizeof(text) - len)) > 0) {
        len += (size_t)got;
    }
    (void)close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    Str said = {.ptr = text, .len = len};
    CHECK(str_find(said, S("x.c:7: not true: a condition")) != STR_NOT_FOUND);
    CHECK(str_ends_with(said, S("the tests behind it are left out\n")));
    CHECK(WIFEXITED(status));
    CHECK_I64(WEXITSTATUS(status), EXIT_FAILURE);
}
