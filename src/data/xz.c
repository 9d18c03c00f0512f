// SPDX-License-Identifier: Apache-2.0
#include "data/xz.h"

#include <lzma.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/memory.h"

#define MEMORY_MAX (UINT64_C(128) << 20) // xz -9 needs 65 MiB

struct bh_xz {
    int fd;
    bool at_end; // of the file
    bool done;   // with the data in it
    lzma_stream stream;
    lzma_allocator allocator;
    uint8_t in[65536];
};

static void *take(void *opaque, size_t count, size_t size)
{
    (void)opaque;
    return bh_alloc(count, size);
}

static void give_back(void *opaque, void *block)
{
    (void)opaque;
    bh_free(block);
}

bh_xz *bh_xz_new(int fd)
{
    bh_xz *xz = bh_alloc(1, sizeof *xz);
    if (xz == NULL) {
        close(fd);
        return NULL;
    }
    xz->fd = fd;
    xz->allocator = (lzma_allocator){.alloc = take, .free = give_back};
    xz->stream = (lzma_stream)LZMA_STREAM_INIT;
    xz->stream.allocator = &xz->allocator;
    if (lzma_stream_decoder(&xz->stream, MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK) {
        bh_xz_free(xz);
        return NULL;
    }
    return xz;
}

void bh_xz_free(bh_xz *xz)
{
    if (xz != NULL) {
        lzma_end(&xz->stream);
        close(xz->fd);
        bh_free(xz);
    }
}

static bh_status check(bh_xz *xz, lzma_ret code, const char **problem)
{
    switch (code) {
    case LZMA_STREAM_END:
        xz->done = true;
        return BH_OK;
    case LZMA_OK:
        return BH_OK;
    case LZMA_MEM_ERROR:
        return BH_ERR_NOMEM;
    case LZMA_MEMLIMIT_ERROR:
        *problem = "unpacking it takes more than 128 MiB of memory: pack it with xz -9 "
                   "or less";
        return BH_ERR_ENCODING;
    default:
        *problem = "the compressed data is damaged";
        return BH_ERR_ENCODING;
    }
}

bh_status bh_xz_read(bh_xz *xz, uint8_t *out, size_t len, size_t *got,
                     const char **problem)
{
    bh_status status = BH_OK;
    xz->stream.next_out = out;
    xz->stream.avail_out = len;
    while (status == BH_OK && xz->stream.avail_out > 0 && !xz->done) {
        if (xz->stream.avail_in == 0 && !xz->at_end) {
            ssize_t n = read(xz->fd, xz->in, sizeof xz->in);
            if (n < 0) {
                status = BH_ERR_IO;
                break;
            }
            xz->stream.next_in = xz->in;
            xz->stream.avail_in = (size_t)n;
            xz->at_end = n == 0;
        }
        lzma_action action = xz->at_end ? LZMA_FINISH : LZMA_RUN;
        status = check(xz, lzma_code(&xz->stream, action), problem);
    }
    *got = len - xz->stream.avail_out;
    return status;
}
