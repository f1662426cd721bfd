/* Tests of os/process.h. */
#include "os/process.h"

#include "base/test.h"
#include "base/time.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static ProcessStats stats_now(void)
{
    ProcessStats stats;
    Err err;
    CHECK_OK(process_stats(&stats, &err), &err);
    return stats;
}

TEST(process, open_files_are_counted_exactly)
{
    ProcessStats before = stats_now();
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ProcessStats with_one_more = stats_now();
    (void)close(fd);
    ProcessStats after = stats_now();
    CHECK_U64(with_one_more.open_fds, before.open_fds + 1);
    CHECK_U64(after.open_fds, before.open_fds);
    CHECK(before.open_fds >= 3 && before.open_fds < before.max_fds);
}

TEST(process, memory_time_and_start_are_plausible)
{
    ProcessStats before = stats_now();
    size_t size = 64 * MIB;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(memory != MAP_FAILED);
    ProcessStats after = stats_now();
    (void)munmap(memory, size);
    CHECK(after.resident_bytes >= before.resident_bytes + 60 * MIB);
    CHECK(after.virtual_bytes >= before.virtual_bytes + size);
    CHECK(after.resident_bytes <= after.virtual_bytes);
    CHECK(after.threads >= 1);
    CHECK(after.cpu_seconds >= before.cpu_seconds);
    f64 now = (f64)time_now_ms() / 1000;
    CHECK(after.start_unix_seconds > now - 600 && after.start_unix_seconds <= now + 2);
}

TEST(process, signals_wait_in_the_queue_until_they_are_asked_for)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signals_block();
        bool ok = signals_wait(0) == 0;
        (void)kill(getpid(), SIGHUP);
        ok = ok && signals_wait(5000) == SIGNAL_RELOAD;
        (void)kill(getpid(), SIGTERM);
        ok = ok && signals_wait(-1) == SIGNAL_STOP;
        (void)kill(getpid(), SIGPIPE); /* must not kill */
        i64 start_ns = time_monotonic_ns();
        ok = ok && signals_wait(30) == 0 && time_monotonic_ns() - start_ns >= 30 * NS_PER_MS;
        _exit(ok ? 0 : 1);
    }
    int status;
    CHECK_I64(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(process, entropy_fills_everything_and_differs)
{
    u8 a[1000] = {0};
    u8 b[1000] = {0};
    entropy_fill(a, sizeof(a));
    entropy_fill(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    u8 zeros[64] = {0};
    CHECK(memcmp(a + sizeof(a) - sizeof(zeros), zeros, sizeof(zeros)) != 0);
    entropy_fill(a, 0);
}
