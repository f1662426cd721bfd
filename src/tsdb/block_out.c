/* Files of a block while they are written: see block_out.h. Layer: tsdb. Thread: one writer. */
#include "tsdb/block_out.h"

#include "os/file.h"
#include "tsdb/bits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { BUFFER_SIZE = 256 * 1024 };

void block_out_init(BlockOut *out)
{
    out->fd = -1;
    out->size = 0;
    out->path[0] = '\0';
    buf_init(&out->buf, BUFFER_SIZE);
}

void block_out_done(BlockOut *out)
{
    fd_closep(&out->fd);
    buf_done(&out->buf);
}

bool block_out_create(BlockOut *out, const char *dir, const char *name, Err *err)
{
    int len = snprintf(out->path, sizeof(out->path), "%s/%s", dir, name);
    if (len >= (int)sizeof(out->path)) {
        return err_set(err, ERR_LIMIT, "path of %s is too long", dir);
    }
    out->fd = open(out->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (out->fd < 0) {
        return err_set_errno(err, errno, "create %s", out->path);
    }
    out->size = 0;
    buf_clear(&out->buf);
    return true;
}

bool block_out_flush(BlockOut *out, Err *err)
{
    if (out->buf.len > 0 && !fd_write_all(out->fd, buf_view(&out->buf), err)) {
        return err_wrap(err, "%s", out->path);
    }
    buf_clear(&out->buf);
    return true;
}

bool block_out_put(BlockOut *out, const void *bytes, size_t size, Err *err)
{
    if (out->buf.len + size > BUFFER_SIZE && !block_out_flush(out, err)) {
        return false;
    }
    if (size > BUFFER_SIZE) {
        if (!fd_write_all(out->fd, (Str){.ptr = bytes, .len = size}, err)) {
            return err_wrap(err, "%s", out->path);
        }
    } else {
        buf_put(&out->buf, bytes, size);
    }
    out->size += size;
    return true;
}

bool block_out_align(BlockOut *out, u32 alignment, Err *err)
{
    static const u8 zeros[64] = {0};
    u32 over = (u32)(out->size % alignment);
    return over == 0 || block_out_put(out, zeros, alignment - over, err);
}

bool block_out_u32_at(BlockOut *out, u64 offset, u32 number, Err *err)
{
    u8 bytes[4] = {(u8)(number >> 24), (u8)(number >> 16), (u8)(number >> 8), (u8)number};
    if (!block_out_flush(out, err)) {
        return false;
    }
    ssize_t written = pwrite(out->fd, bytes, sizeof(bytes), (off_t)offset);
    return written == (ssize_t)sizeof(bytes) ||
           err_set_errno(err, written < 0 ? errno : ENOSPC, "write %s", out->path);
}

bool block_out_close(BlockOut *out, Err *err)
{
    if (!block_out_flush(out, err)) {
        return false;
    }
    if (fsync(out->fd) != 0) {
        return err_set_errno(err, errno, "sync %s", out->path);
    }
    fd_closep(&out->fd);
    return true;
}
