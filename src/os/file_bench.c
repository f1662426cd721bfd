/*
 * Bench of file_read_into over files that a scrape of the machine reads, beside the bare system
 * calls (open, one read more than needed, close).
 *
 * Layer: os, tests only. Thread: main.
 */
#include "base/time.h"
#include "os/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 20000 };

static void read_bare(const char *path)
{
    static u8 bytes[256 * 1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ASSERT(fd >= 0);
    while (read(fd, bytes, sizeof(bytes)) > 0) {
    }
    (void)close(fd);
}

int main(void)
{
    static const char *const paths[] = {"/proc/loadavg", "/proc/stat",   "/proc/meminfo",
                                        "/proc/net/dev", "/proc/vmstat", "/sys/class/net/lo/mtu"};
    Buf buf;
    buf_init(&buf, MIB);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        i64 start_ns = time_monotonic_ns();
        for (size_t round = 0; round < ROUNDS; round++) {
            ASSERT(file_read_into(paths[i], &buf, NULL));
        }
        i64 middle_ns = time_monotonic_ns();
        for (size_t round = 0; round < ROUNDS; round++) {
            read_bare(paths[i]);
        }
        i64 end_ns = time_monotonic_ns();
        (void)printf("%-24s %6zu bytes  file_read_into %6lld ns  bare %6lld ns\n", paths[i],
                     buf.len, (long long)(middle_ns - start_ns) / ROUNDS,
                     (long long)(end_ns - middle_ns) / ROUNDS);
    }
    buf_done(&buf);
    return 0;
}
