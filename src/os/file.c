/* Files: see file.h. Layer: os. Memory: the caller's. Thread: any; these block. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_ROOM =
        4096, /* bytes offered to one read at least; a page, what sysfs files hold at most */
    LOCK_TRIES = 100, /* how often another's removal of the lock file may come between */
};

void fd_closep(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static bool open_for_reading(const char *path, int *ret_fd, Err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int cause = errno;
        err_set_errno(err, cause, "open %s", path);
        if (err && cause == ENOENT) {
            err->code = ERR_NOT_FOUND;
        }
        return false;
    }
    *ret_fd = fd;
    return true;
}

static ssize_t read_retrying(int fd, void *to, size_t size)
{
    ssize_t got;
    do {
        got = read(fd, to, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Everything up to the end behind what `out` holds. Proc files give less than asked for before
 * their end, so only a read of nothing ends it. */
static bool read_to_end(int fd, const char *path, Buf *out, Err *err)
{
    for (;;) {
        u8 past_limit;
        size_t room = MAX(out->capacity - out->len, (size_t)READ_ROOM);
        room = MIN(room, out->max - out->len);
        u8 *to = room > 0 ? buf_reserve(out, room) : &past_limit;
        ssize_t got = read_retrying(fd, to, room > 0 ? room : 1);
        if (got < 0) {
            return err_set_errno(err, errno, "read %s", path);
        }
        if (got == 0) {
            return true;
        }
        if (room == 0) {
            return err_set(err, ERR_LIMIT, "%s is longer than its limit of %zu bytes", path,
                           out->max);
        }
        buf_advance(out, (size_t)got);
    }
}

bool file_read_into(const char *path, Buf *out, Err *err)
{
    CLEANUP(fd_closep) int fd = -1;
    buf_clear(out);
    return open_for_reading(path, &fd, err) && read_to_end(fd, path, out, err);
}

bool file_read(const char *path, size_t max, Arena *arena, Str *ret, Err *err)
{
    CLEANUP(fd_closep) int fd = -1;
    CLEANUP(buf_done) Buf content;
    buf_init(&content, max);
    struct stat status;
    if (!open_for_reading(path, &fd, err)) {
        return false;
    }
    if (fstat(fd, &status) == 0 && status.st_size > 0) {
        size_t size = (size_t)status.st_size;
        (void)buf_reserve(&content, MIN(size, max)); /* one allocation, not a dozen */
    }
    if (!read_to_end(fd, path, &content, err)) {
        return false;
    }
    return arena_str(arena, buf_view(&content), ret, err) || err_wrap(err, "%s", path);
}

bool fd_write_all(int fd, Str bytes, Err *err)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno != EINTR) {
            return err_set_errno(err, errno, "write");
        }
        bytes = str_skip(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

bool fd_read_full(int fd, void *to, size_t size, size_t *ret_read, Err *err)
{
    size_t total = 0;
    while (total < size) {
        ssize_t got = read_retrying(fd, (u8 *)to + total, size - total);
        if (got < 0) {
            return err_set_errno(err, errno, "read");
        }
        if (got == 0) {
            break;
        }
        total += (size_t)got;
    }
    *ret_read = total;
    return true;
}

/* The folder that a path's last component is in. */
static bool sync_parent(const char *path, Err *err)
{
    char parent[PATH_MAX];
    size_t slash = str_find_last_byte(str_from(path), '/');
    if (slash == STR_NOT_FOUND) {
        return dir_sync(".", err);
    }
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)MAX(slash, (size_t)1), path);
    return dir_sync(parent, err);
}

static bool fill_and_sync(int fd, Str content, u32 mode, Err *err)
{
    if (fchmod(fd, (mode_t)mode) != 0) {
        return err_set_errno(err, errno, "chmod");
    }
    if (!fd_write_all(fd, content, err)) {
        return false;
    }
    return fsync(fd) == 0 || err_set_errno(err, errno, "fsync");
}

bool file_write_atomic(const char *path, Str content, u32 mode, Err *err)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof(temporary), "%s.tmp-XXXXXX", path);
    if (len >= (int)sizeof(temporary)) {
        return err_set_errno(err, ENAMETOOLONG, "write %s", path);
    }
    CLEANUP(fd_closep) int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(err, errno, "create %s", temporary);
    }
    if (!fill_and_sync(fd, content, mode, err)) {
        (void)unlink(temporary);
        return err_wrap(err, "write %s", path);
    }
    if (rename(temporary, path) != 0) {
        int cause = errno;
        (void)unlink(temporary);
        return err_set_errno(err, cause, "rename %s to %s", temporary, path);
    }
    return sync_parent(path, err);
}

/* Whoever unlocks removes the file, so what was just locked may no longer be what has the name. */
static bool still_there(const char *path, int fd)
{
    struct stat locked;
    struct stat named;
    return fstat(fd, &locked) == 0 && stat(path, &named) == 0 && locked.st_ino == named.st_ino &&
           locked.st_dev == named.st_dev;
}

bool file_lock(const char *path, int *ret_fd, Err *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        CLEANUP(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0) {
            return err_set_errno(err, errno, "open %s", path);
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            return errno == EWOULDBLOCK
                       ? err_set(err, ERR_EXISTS, "%s is locked by another process", path)
                       : err_set_errno(err, errno, "lock %s", path);
        }
        if (still_there(path, fd)) {
            *ret_fd = fd;
            fd = -1;
            return true;
        }
    }
    return err_set(err, ERR_EXISTS, "%s is locked and released by other processes all the time",
                   path);
}

void file_unlock(const char *path, int fd)
{
    (void)unlink(path);
    (void)close(fd);
}

bool file_map(const char *path, FileMap *ret, Err *err)
{
    CLEANUP(fd_closep) int fd = -1;
    struct stat status;
    if (!open_for_reading(path, &fd, err)) {
        return false;
    }
    if (fstat(fd, &status) != 0) {
        return err_set_errno(err, errno, "stat %s", path);
    }
    if (status.st_size == 0) {
        *ret = (FileMap){0};
        return true;
    }
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        return err_set_errno(err, errno, "map %s", path);
    }
    *ret = (FileMap){.bytes = {.ptr = bytes, .len = size}};
    return true;
}

void file_unmap(FileMap *map)
{
    if (map->bytes.ptr) {
        (void)munmap((void *)(uintptr_t)map->bytes.ptr, map->bytes.len);
        *map = (FileMap){0};
    }
}
