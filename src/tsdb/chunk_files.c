/* Chunk files: see chunk_files.h. Layer: tsdb. Thread: one writer, any readers. */
#include "tsdb/chunk_files.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "os/file.h"
#include "tsdb/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_SIZE = 8,
    CHUNK_HEAD_SIZE = 25, /* ref, times, encoding */
    LENGTH_SIZE_MAX = 5,  /* of the uvarint */
    CRC_SIZE = 4,
    PATH_SIZE = 4096,
    NAME_DIGITS = 6,
    LIST_MEMORY = 4 * 1024 * 1024,
    WRITE_MAX = 16 * 1024 * 1024, /* bytes of one batch */
};

static const u8 file_header[HEADER_SIZE] = {0x01, 0x30, 0xbc, 0x91, 1, 0, 0, 0};

typedef struct ChunkFile {
    u32 number;
    const u8 *map; /* of map_size bytes; may reach behind the end of the file */
    size_t map_size;
    _Atomic u64 size; /* bytes that may be read */
    i64 maxt_ms;      /* writer */
} ChunkFile;

struct ChunkFiles {
    char *dir;              /* owned */
    pthread_rwlock_t lock;  /* the list; elements are stable while it is held */
    VEC(ChunkFile *) files; /* by number; owned */
    int fd;                 /* of the last file when it is being written, else -1 */
    Buf batch;
};

static bool file_path(const ChunkFiles *files, u32 number, char *ret_path, Err *err)
{
    int len = snprintf(ret_path, PATH_SIZE, "%s/%06u", files->dir, number);
    return len < PATH_SIZE || err_set(err, ERR_LIMIT, "path of %s is too long", files->dir);
}

static bool map_file(const ChunkFiles *files, int fd, u32 number, size_t size, ChunkFile **ret,
                     Err *err)
{
    void *map = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    if (map == MAP_FAILED) {
        return err_set_errno(err, errno, "map %s/%06u", files->dir, number);
    }
    ChunkFile *file = MEM_NEW(ChunkFile);
    file->number = number;
    file->map = map;
    file->map_size = size;
    file->maxt_ms = INT64_MIN;
    *ret = file;
    return true;
}

static void unmap_file(ChunkFile *file)
{
    if (file->map) {
        (void)munmap((void *)(uintptr_t)file->map, file->map_size);
    }
    mem_free(file);
}

static bool open_existing(ChunkFiles *files, u32 number, Err *err)
{
    char path[PATH_SIZE];
    struct stat status;
    if (!file_path(files, number, path, err)) {
        return false;
    }
    CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        return err_set_errno(err, errno, "open %s", path);
    }
    ChunkFile *file = NULL;
    if (!map_file(files, fd, number, (size_t)status.st_size, &file, err)) {
        return false;
    }
    atomic_store(&file->size, (u64)status.st_size);
    *vec_push(&files->files) = file;
    return true;
}

static bool open_all(ChunkFiles *files, Err *err)
{
    CLEANUP(arena_done) Arena arena;
    Str *names;
    size_t count;
    arena_init(&arena, LIST_MEMORY);
    if (!dir_list(files->dir, &arena, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        u64 number;
        if (names[i].len >= NAME_DIGITS && str_to_u64(names[i], &number) && number <= INT32_MAX &&
            !open_existing(files, (u32)number, err)) {
            return false;
        }
    }
    return true;
}

bool chunk_files_open(const char *dir, ChunkFiles **ret, Err *err)
{
    if (!dir_make(dir, 0777, err)) {
        return false;
    }
    ChunkFiles *files = MEM_NEW(ChunkFiles);
    size_t dir_len = str_from(dir).len;
    *files = (ChunkFiles){.fd = -1, .dir = mem_alloc(dir_len + 1)};
    memcpy(files->dir, dir, dir_len + 1);
    buf_init(&files->batch, WRITE_MAX);
    (void)pthread_rwlock_init(&files->lock, NULL);
    if (!open_all(files, err)) {
        (void)chunk_files_close(files);
        return false;
    }
    *ret = files;
    return true;
}

ChunkFiles *chunk_files_close(ChunkFiles *files)
{
    if (files) {
        fd_closep(&files->fd);
        for (size_t i = 0; i < files->files.count; i++) {
            unmap_file(files->files.at[i]);
        }
        vec_done(&files->files);
        buf_done(&files->batch);
        (void)pthread_rwlock_destroy(&files->lock);
        mem_free(files->dir);
        mem_free(files);
    }
    return NULL;
}

/* ---- reading ---- */

/* The chunk at `offset` of the file; *ret_end is the offset behind it. */
static bool read_chunk(const ChunkFiles *files, const ChunkFile *file, u64 offset, FileChunk *ret,
                       u64 *ret_end, Err *err)
{
    u64 size = atomic_load_explicit(&file->size, memory_order_acquire);
    if (offset < HEADER_SIZE || offset > size || size - offset < CHUNK_HEAD_SIZE) {
        return err_set(err, ERR_CORRUPT, "%s/%06u: a chunk breaks off at byte %llu", files->dir,
                       file->number, (unsigned long long)offset);
    }
    ByteReader in =
        byte_reader((Str){.ptr = (const char *)file->map + offset, .len = (size_t)(size - offset)});
    ret->series_ref = bytes_u64be(&in);
    ret->mint_ms = (i64)bytes_u64be(&in);
    ret->maxt_ms = (i64)bytes_u64be(&in);
    ret->encoding = bytes_u8(&in);
    ret->data = bytes_str(&in);
    const u8 *crc_at = in.at;
    if (in.bad || bytes_left(&in) < CRC_SIZE ||
        crc32c(0, in.begin, (size_t)(crc_at - in.begin)) != load_u32be(crc_at)) {
        return err_set(err, ERR_CORRUPT, "%s/%06u: the chunk at byte %llu is damaged", files->dir,
                       file->number, (unsigned long long)offset);
    }
    ret->ref = (u64)file->number << 32 | offset;
    *ret_end = offset + (u64)(crc_at - in.begin) + CRC_SIZE;
    return true;
}

/* Only zeros from here on: space that was reserved and not used. A chunk cannot begin with that
 * many of them, so that mostly the first bytes decide. */
static bool at_end(const ChunkFile *file, u64 offset)
{
    u64 size = atomic_load(&file->size);
    for (u64 i = offset; i < size; i++) {
        if (file->map[i] != 0) {
            return false;
        }
    }
    return true;
}

/* True: *ret_end is where the chunks of the file end; false: where the damage begins. */
static bool scan_file(ChunkFiles *files, ChunkFile *file,
                      void (*visit)(void *self, const FileChunk *chunk), void *self, u64 *ret_end,
                      Err *ret_damage)
{
    *ret_end = 0;
    if (file->map_size < HEADER_SIZE || memcmp(file->map, file_header, HEADER_SIZE - 3) != 0) {
        return err_set(ret_damage, ERR_CORRUPT, "%s/%06u does not begin as a chunk file does",
                       files->dir, file->number);
    }
    *ret_end = HEADER_SIZE;
    while (!at_end(file, *ret_end)) {
        FileChunk chunk;
        u64 end;
        if (!read_chunk(files, file, *ret_end, &chunk, &end, ret_damage)) {
            return false;
        }
        file->maxt_ms = MAX(file->maxt_ms, chunk.maxt_ms);
        visit(self, &chunk);
        *ret_end = end;
    }
    return true;
}

static bool remove_file(ChunkFiles *files, size_t index, Err *err)
{
    char path[PATH_SIZE];
    ChunkFile *file = files->files.at[index];
    if (!file_path(files, file->number, path, err)) {
        return false;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return err_set_errno(err, errno, "remove %s", path);
    }
    (void)pthread_rwlock_wrlock(&files->lock);
    memmove(&files->files.at[index], &files->files.at[index + 1],
            (files->files.count - index - 1) * sizeof(files->files.at[0]));
    files->files.count--;
    (void)pthread_rwlock_unlock(&files->lock);
    unmap_file(file);
    return true;
}

static bool cut_file(ChunkFiles *files, ChunkFile *file, u64 size, Err *err)
{
    char path[PATH_SIZE];
    if (!file_path(files, file->number, path, err)) {
        return false;
    }
    atomic_store(&file->size, size);
    return truncate(path, (off_t)size) == 0 || err_set_errno(err, errno, "cut %s", path);
}

bool chunk_files_scan(ChunkFiles *files, void (*visit)(void *self, const FileChunk *chunk),
                      void *self, Err *ret_damage, Err *err)
{
    err_clear(ret_damage);
    for (size_t i = 0; i < files->files.count; i++) {
        ChunkFile *file = files->files.at[i];
        u64 end = 0;
        bool gap = i > 0 && file->number != files->files.at[i - 1]->number + 1;
        if (gap) {
            (void)err_set(ret_damage, ERR_CORRUPT, "%s: %06u follows %06u", files->dir,
                          file->number, files->files.at[i - 1]->number);
        } else if (scan_file(files, file, visit, self, &end, ret_damage)) {
            continue;
        }
        size_t keep = i + (end > HEADER_SIZE);
        while (files->files.count > keep) {
            if (!remove_file(files, files->files.count - 1, err)) {
                return false;
            }
        }
        return keep == i || cut_file(files, file, end, err);
    }
    return true;
}

void chunk_files_pin(ChunkFiles *files)
{
    (void)pthread_rwlock_rdlock(&files->lock);
}

void chunk_files_unpin(ChunkFiles *files)
{
    (void)pthread_rwlock_unlock(&files->lock);
}

bool chunk_files_get(const ChunkFiles *files, ChunkRef ref, FileChunk *ret, Err *err)
{
    u32 number = (u32)(ref >> 32);
    u32 offset = (u32)ref;
    size_t count = files->files.count;
    u32 first = count ? files->files.at[0]->number : 0;
    if (count == 0 || number < first || number - first >= count) {
        return err_set(err, ERR_NOT_FOUND, "%s/%06u is gone", files->dir, number);
    }
    u64 end;
    return read_chunk(files, files->files.at[number - first], offset, ret, &end, err);
}

/* ---- writing ---- */

static bool start_file(ChunkFiles *files, Err *err)
{
    char path[PATH_SIZE];
    size_t count = files->files.count;
    /* Whatever a crash of the machine takes from this file, the next one must not be newer. */
    if (!chunk_files_sync(files, err)) {
        return false;
    }
    u32 number = count ? files->files.at[count - 1]->number + 1 : 1;
    if (!file_path(files, number, path, err)) {
        return false;
    }
    CLEANUP(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_set_errno(err, errno, "create %s", path);
    }
    Str header = {.ptr = (const char *)file_header, .len = HEADER_SIZE};
    ChunkFile *file = NULL;
    if (!fd_write_all(fd, header, err) || !dir_sync(files->dir, err) ||
        !map_file(files, fd, number, CHUNK_FILE_SIZE_MAX, &file, err)) {
        (void)unlink(path);
        return false;
    }
    atomic_store(&file->size, HEADER_SIZE);
    (void)pthread_rwlock_wrlock(&files->lock);
    *vec_push(&files->files) = file;
    (void)pthread_rwlock_unlock(&files->lock);
    fd_closep(&files->fd);
    files->fd = fd;
    fd = -1;
    return true;
}

static void put_chunk(Buf *out, const FileChunk *chunk)
{
    size_t begin = out->len;
    u8 length[VARINT_SIZE_MAX];
    buf_u64be(out, chunk->series_ref);
    buf_u64be(out, (u64)chunk->mint_ms);
    buf_u64be(out, (u64)chunk->maxt_ms);
    buf_byte(out, chunk->encoding);
    buf_put(out, length, (size_t)(store_uvarint(length, chunk->data.len) - length));
    buf_str(out, chunk->data);
    if (!out->overflowed) {
        buf_u32be(out, crc32c(0, out->data + begin, out->len - begin));
    }
}

/* Writes the batch behind the end of the current file. A failed write leaves bytes that do not
 * count and are written over the next time. */
static bool flush_batch(ChunkFiles *files, Err *err)
{
    ChunkFile *file = files->files.at[files->files.count - 1];
    u64 at = atomic_load(&file->size);
    for (size_t done = 0; done < files->batch.len;) {
        ssize_t written = pwrite(files->fd, files->batch.data + done, files->batch.len - done,
                                 (off_t)(at + done));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return err_set_errno(err, written < 0 ? errno : ENOSPC, "write %s/%06u", files->dir,
                                 file->number);
        }
        done += (size_t)written;
    }
    atomic_store_explicit(&file->size, at + files->batch.len, memory_order_release);
    buf_clear(&files->batch);
    return true;
}

/* Where the next chunk of at most `size` bytes goes; starts a new file when it must. */
static bool find_place(ChunkFiles *files, size_t size, u64 *ret_end, bool *ret_flushed, Err *err)
{
    size_t count = files->files.count;
    u64 end = files->fd < 0 ? 0 : atomic_load(&files->files.at[count - 1]->size);
    *ret_flushed = false;
    if (files->fd < 0 || end + files->batch.len + size > CHUNK_FILE_SIZE_MAX) {
        if (files->batch.len > 0 && !flush_batch(files, err)) {
            return false;
        }
        *ret_flushed = true;
        if (!start_file(files, err)) {
            return false;
        }
        end = HEADER_SIZE;
    }
    *ret_end = end + files->batch.len;
    return true;
}

bool chunk_files_write(ChunkFiles *files, FileChunk *chunks, size_t count, size_t *ret_written,
                       Err *err)
{
    *ret_written = 0;
    buf_clear(&files->batch);
    for (size_t i = 0; i < count; i++) {
        u64 end;
        bool flushed;
        bool ok =
            find_place(files, CHUNK_HEAD_SIZE + LENGTH_SIZE_MAX + chunks[i].data.len + CRC_SIZE,
                       &end, &flushed, err);
        if (flushed) {
            *ret_written = i;
        }
        if (!ok) {
            return false;
        }
        ChunkFile *file = files->files.at[files->files.count - 1];
        chunks[i].ref = (u64)file->number << 32 | end;
        file->maxt_ms = MAX(file->maxt_ms, chunks[i].maxt_ms);
        put_chunk(&files->batch, &chunks[i]);
    }
    if (!buf_ok(&files->batch, err) || (files->batch.len > 0 && !flush_batch(files, err))) {
        return false;
    }
    *ret_written = count;
    return true;
}

bool chunk_files_truncate(ChunkFiles *files, i64 mint_ms, u64 *ret_removed, Err *err)
{
    *ret_removed = 0;
    while (files->files.count > (files->fd >= 0 ? 1U : 0U) &&
           files->files.at[0]->maxt_ms < mint_ms) {
        if (!remove_file(files, 0, err)) {
            return false;
        }
        (*ret_removed)++;
    }
    return *ret_removed == 0 || dir_sync(files->dir, err);
}

bool chunk_files_sync(ChunkFiles *files, Err *err)
{
    return files->fd < 0 || fdatasync(files->fd) == 0 ||
           err_set_errno(err, errno, "sync %s", files->dir);
}

u64 chunk_files_size(ChunkFiles *files)
{
    u64 total = 0;
    chunk_files_pin(files);
    for (size_t i = 0; i < files->files.count; i++) {
        total += atomic_load(&files->files.at[i]->size);
    }
    chunk_files_unpin(files);
    return total;
}
