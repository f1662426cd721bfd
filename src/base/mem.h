/*
 * Memory: the only door to the C allocator.
 *
 * Input decides sizes only through an Arena or a Buf, which have limits and report them as errors;
 * what comes through here is bounded by the program itself. When the system refuses even that, no
 * caller could go on meaningfully, so these functions end the process with a clear line and never
 * return NULL.
 *
 * Layer: base. Memory: the caller owns what it gets and gives it to mem_free. Thread: any.
 */
#pragma once

#include "base/types.h"

void *mem_alloc(size_t size);                         /* uninitialised */
void *mem_zero(size_t count, size_t size);            /* zeroed; count * size is checked */
void *mem_grow(void *old, size_t count, size_t size); /* realloc; count * size is checked */
void *mem_aligned(size_t alignment, size_t size);     /* alignment: a power of two */
void mem_free(void *ptr);                             /* NULL-safe */

#define MEM_NEW(T)          ((T *)mem_zero(1, sizeof(T)))
#define MEM_ARRAY(T, count) ((T *)mem_zero((count), sizeof(T)))

/* For CLEANUP(mem_freep) on a pointer variable. */
void mem_freep(void *pointer_to_pointer);
