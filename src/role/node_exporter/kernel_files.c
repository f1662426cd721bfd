/* Kernel files: see kernel_files.h. Layer: role/node_exporter. */
#include "role/node_exporter/kernel_files.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    READ_ROOM = 4096, /* bytes offered at least: what a file of /sys holds at most */
};

/* A file that is open, or a folder that is watched (fd -1). */
typedef struct KernelFile {
    Str path; /* owned, ends in NUL */
    int fd;
    bool at_once; /* one read gives everything */
    u32 last_scrape;
    dev_t device; /* of a folder */
    ino_t inode;
} KernelFile;

struct KernelFiles {
    VEC(KernelFile) kept;
    StrMap by_path; /* index in kept */
    u32 scrape;
};

KernelFiles *kernel_files_new(void)
{
    return MEM_NEW(KernelFiles);
}

static void drop(KernelFiles *files, size_t index)
{
    KernelFile *file = &files->kept.at[index];
    fd_closep(&file->fd);
    (void)strmap_del(&files->by_path, file->path);
    mem_free((char *)file->path.ptr);
    *file = files->kept.at[--files->kept.count];
    if (index < files->kept.count) {
        *strmap_put(&files->by_path, file->path, NULL) = index;
    }
}

void kernel_files_free(KernelFiles *files)
{
    if (!files) {
        return;
    }
    while (files->kept.count > 0) {
        drop(files, files->kept.count - 1);
    }
    vec_done(&files->kept);
    strmap_done(&files->by_path);
    mem_free(files);
}

static KernelFile *find(const KernelFiles *files, const char *path)
{
    const u64 *index = strmap_find(&files->by_path, str_from(path));
    return index ? &files->kept.at[*index] : NULL;
}

/* Takes over the descriptor. */
static KernelFile *keep(KernelFiles *files, const char *path, int fd)
{
    size_t len = strlen(path);
    char *copy = MEM_ARRAY(char, len + 1);
    memcpy(copy, path, len);
    KernelFile *file = vec_push(&files->kept);
    *file = (KernelFile){.path = {copy, len}, .fd = fd, .last_scrape = files->scrape};
    *strmap_put(&files->by_path, file->path, NULL) = files->kept.count - 1;
    return file;
}

/* From its start to its end. A file of /proc gives less than asked for before its end, so there
 * only a read of nothing ends it. Returns errno, or 0. */
static int read_all(int fd, bool at_once, Buf *out)
{
    buf_clear(out);
    for (;;) {
        u8 past_limit;
        size_t room = MAX(out->capacity - out->len, (size_t)READ_ROOM);
        room = MIN(room, out->max - out->len);
        u8 *to = room > 0 ? buf_reserve(out, room) : &past_limit;
        ssize_t got = pread(fd, to, room > 0 ? room : 1, (off_t)out->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        if (got > 0 && room == 0) {
            return EFBIG;
        }
        buf_advance(out, (size_t)got);
        if (got == 0 || (at_once && (size_t)got < room)) {
            return 0;
        }
    }
}

/* What a driver says when it has no value just now; the file itself is still the right one. */
static bool is_answer(int error)
{
    return error == EINVAL || error == EOPNOTSUPP || error == ENODATA || error == EAGAIN;
}

static bool read_failed(int error, const char *path, const Buf *out, Err *err)
{
    return error == EFBIG
               ? err_set(err, ERR_LIMIT, "%s is longer than its limit of %zu bytes", path, out->max)
               : err_set_errno(err, error, "read %s", path);
}

static bool open_and_read(KernelFiles *files, const char *path, Buf *out, Err *err)
{
    struct statfs system;
    CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int cause = errno;
        err_set_errno(err, cause, "open %s", path);
        if (err && cause == ENOENT) {
            err->code = ERR_NOT_FOUND;
        }
        return false;
    }
    bool known = fstatfs(fd, &system) == 0;
    bool at_once = known && system.f_type == SYSFS_MAGIC;
    int error = read_all(fd, at_once, out);
    if ((at_once || (known && system.f_type == PROC_SUPER_MAGIC)) &&
        files->kept.count < KERNEL_FILES_MAX && (error == 0 || is_answer(error))) {
        keep(files, path, fd)->at_once = at_once;
        fd = -1;
    }
    return error == 0 || read_failed(error, path, out, err);
}

bool kernel_files_read(KernelFiles *files, const char *path, Buf *out, Err *err)
{
    KernelFile *file = find(files, path);
    if (file) {
        int error = read_all(file->fd, file->at_once, out);
        file->last_scrape = files->scrape;
        if (error == 0) {
            return true;
        }
        if (is_answer(error) || error == EFBIG) {
            return read_failed(error, path, out, err);
        }
        drop(files, (size_t)(file - files->kept.at));
    }
    return open_and_read(files, path, out, err);
}

static void drop_below(KernelFiles *files, Str folder)
{
    for (size_t i = files->kept.count; files->kept.at && i-- > 0;) {
        Str path = files->kept.at[i].path;
        if (str_skip_prefix(&path, folder) && str_starts_with(path, S("/"))) {
            drop(files, i);
        }
    }
}

void kernel_files_enter(KernelFiles *files, const char *folder)
{
    struct stat status;
    KernelFile *known = find(files, folder);
    if (known && known->last_scrape == files->scrape) {
        return;
    }
    bool exists = stat(folder, &status) == 0;
    bool same = exists && known && known->device == status.st_dev && known->inode == status.st_ino;
    if (!same) { /* nothing below a folder is kept unless the folder is watched */
        drop_below(files, str_from(folder));
        known = find(files, folder);
    }
    if (exists && !known && files->kept.count < KERNEL_FILES_MAX) {
        known = keep(files, folder, -1);
    }
    if (exists && known) {
        known->last_scrape = files->scrape;
        known->device = status.st_dev;
        known->inode = status.st_ino;
    }
}

void kernel_files_end_scrape(KernelFiles *files)
{
    files->scrape++;
    for (size_t i = files->kept.count; i-- > 0;) {
        if (files->scrape - files->kept.at[i].last_scrape > KERNEL_IDLE_MAX) {
            drop(files, i);
        }
    }
}
