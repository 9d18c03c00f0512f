// SPDX-License-Identifier: Apache-2.0
// Little-endian byte writer and reader: no pointer arithmetic elsewhere.
//
// Both are sticky: after the first failure every further call does nothing (a read
// gives zero), so that a parser may read a whole structure and check once.
#ifndef BH_BASE_BYTES_H
#define BH_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

// A growing buffer that is wiped when cleared. {0} is an empty writer.
typedef struct bh_writer {
    uint8_t *data;
    size_t len, capacity;
    bh_status status;
} bh_writer;

void bh_writer_clear(bh_writer *w); // wipes, frees, leaves an empty writer
void bh_writer_reset(bh_writer *w); // len = 0, keeps the memory
// Room for len more bytes, already counted in w->len; NULL on failure.
uint8_t *bh_writer_extend(bh_writer *w, size_t len);
void bh_writer_u8(bh_writer *w, uint8_t v);
void bh_writer_u16(bh_writer *w, uint16_t v);
void bh_writer_u32(bh_writer *w, uint32_t v);
void bh_writer_u64(bh_writer *w, uint64_t v);
void bh_writer_i32(bh_writer *w, int32_t v);
void bh_writer_f32(bh_writer *w, float v);  // IEEE 754 bits
void bh_writer_f64(bh_writer *w, double v); // IEEE 754 bits
void bh_writer_bytes(bh_writer *w, const void *data, size_t len);
void bh_writer_text(bh_writer *w, const char *text); // u16 length and bytes

// Borrows data.
typedef struct bh_reader {
    const uint8_t *data;
    size_t len, pos;
    bh_status status; // BH_OK or BH_ERR_ENCODING
} bh_reader;

bh_reader bh_reader_over(const void *data, size_t len);
size_t bh_reader_left(const bh_reader *r);
uint8_t bh_reader_u8(bh_reader *r);
uint16_t bh_reader_u16(bh_reader *r);
uint32_t bh_reader_u32(bh_reader *r);
uint64_t bh_reader_u64(bh_reader *r);
int32_t bh_reader_i32(bh_reader *r);
float bh_reader_f32(bh_reader *r);
double bh_reader_f64(bh_reader *r);
// Borrows len bytes from the reader's data; NULL if they are not there.
const uint8_t *bh_reader_bytes(bh_reader *r, size_t len);
// Copies a bh_writer_text of fewer than size bytes and ends it with a zero byte; an
// embedded zero or control character is an encoding error.
void bh_reader_text(bh_reader *r, char *out, size_t size);
// BH_OK if nothing failed and every byte was read.
bh_status bh_reader_finish(const bh_reader *r) BH_MUST_CHECK;

#endif
