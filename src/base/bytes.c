// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <string.h>

#include "base/memory.h"

void bh_writer_clear(bh_writer *w)
{
    bh_free(w->data);
    *w = (bh_writer){0};
}

void bh_writer_reset(bh_writer *w)
{
    w->len = 0;
    w->status = BH_OK;
}

uint8_t *bh_writer_extend(bh_writer *w, size_t len)
{
    if (w->status != BH_OK) {
        return NULL;
    }
    if (len > SIZE_MAX / 4 - w->len) {
        w->status = BH_ERR_TOO_LARGE;
        return NULL;
    }
    if (w->len + len > w->capacity) {
        size_t capacity = w->capacity < 256 ? 256 : w->capacity;
        while (capacity < w->len + len) {
            capacity += capacity / 2;
        }
        uint8_t *data = bh_alloc(capacity, 1);
        if (data == NULL) {
            w->status = BH_ERR_NOMEM;
            return NULL;
        }
        if (w->len > 0) {
            memcpy(data, w->data, w->len);
        }
        bh_free(w->data);
        w->data = data;
        w->capacity = capacity;
    }
    uint8_t *out = w->data + w->len;
    w->len += len;
    return out;
}

static void write_le(bh_writer *w, uint64_t v, size_t n_bytes)
{
    uint8_t *out = bh_writer_extend(w, n_bytes);
    for (size_t i = 0; out != NULL && i < n_bytes; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

void bh_writer_u8(bh_writer *w, uint8_t v)
{
    write_le(w, v, 1);
}

void bh_writer_u16(bh_writer *w, uint16_t v)
{
    write_le(w, v, 2);
}

void bh_writer_u32(bh_writer *w, uint32_t v)
{
    write_le(w, v, 4);
}

void bh_writer_u64(bh_writer *w, uint64_t v)
{
    write_le(w, v, 8);
}

void bh_writer_i32(bh_writer *w, int32_t v)
{
    write_le(w, (uint32_t)v, 4);
}

void bh_writer_f32(bh_writer *w, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    write_le(w, bits, 4);
}

void bh_writer_f64(bh_writer *w, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    write_le(w, bits, 8);
}

void bh_writer_bytes(bh_writer *w, const void *data, size_t len)
{
    uint8_t *out = bh_writer_extend(w, len);
    if (out != NULL && len > 0) {
        memcpy(out, data, len);
    }
}

void bh_writer_text(bh_writer *w, const char *text)
{
    size_t len = strlen(text);
    if (len > UINT16_MAX) {
        w->status = w->status == BH_OK ? BH_ERR_TOO_LARGE : w->status;
        return;
    }
    bh_writer_u16(w, (uint16_t)len);
    bh_writer_bytes(w, text, len);
}

bh_reader bh_reader_over(const void *data, size_t len)
{
    return (bh_reader){.data = data, .len = len};
}

size_t bh_reader_left(const bh_reader *r)
{
    return r->len - r->pos;
}

const uint8_t *bh_reader_bytes(bh_reader *r, size_t len)
{
    if (r->status != BH_OK || len > r->len - r->pos) {
        r->status = BH_ERR_ENCODING;
        return NULL;
    }
    const uint8_t *out = r->data + r->pos;
    r->pos += len;
    return out;
}

static uint64_t read_le(bh_reader *r, size_t n_bytes)
{
    const uint8_t *in = bh_reader_bytes(r, n_bytes);
    uint64_t v = 0;
    for (size_t i = 0; in != NULL && i < n_bytes; i++) {
        v |= (uint64_t)in[i] << (8 * i);
    }
    return v;
}

uint8_t bh_reader_u8(bh_reader *r)
{
    return (uint8_t)read_le(r, 1);
}

uint16_t bh_reader_u16(bh_reader *r)
{
    return (uint16_t)read_le(r, 2);
}

uint32_t bh_reader_u32(bh_reader *r)
{
    return (uint32_t)read_le(r, 4);
}

uint64_t bh_reader_u64(bh_reader *r)
{
    return read_le(r, 8);
}

int32_t bh_reader_i32(bh_reader *r)
{
    return (int32_t)bh_reader_u32(r);
}

float bh_reader_f32(bh_reader *r)
{
    uint32_t bits = bh_reader_u32(r);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

double bh_reader_f64(bh_reader *r)
{
    uint64_t bits = bh_reader_u64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void bh_reader_text(bh_reader *r, char *out, size_t size)
{
    out[0] = '\0';
    size_t len = bh_reader_u16(r);
    if (len >= size) {
        r->status = BH_ERR_ENCODING;
        return;
    }
    const uint8_t *in = bh_reader_bytes(r, len);
    for (size_t i = 0; in != NULL && i < len; i++) {
        if (in[i] < 0x20 || in[i] == 0x7f) {
            r->status = BH_ERR_ENCODING;
            out[0] = '\0';
            return;
        }
        out[i] = (char)in[i];
        out[i + 1] = '\0';
    }
}

bh_status bh_reader_finish(const bh_reader *r)
{
    return r->status == BH_OK && r->pos == r->len ? BH_OK : BH_ERR_ENCODING;
}
