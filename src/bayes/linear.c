// SPDX-License-Identifier: Apache-2.0
// Linear layers as matrix products. A convolution turns each image into the matrix
// columns[k][p] (k: input channel and kernel offset, p: output position); a plain
// weight matrix times it is the convolution.
#include <cblas.h>
#include <string.h>

#include "bayes/layers.h"

#ifdef BH_BAYES_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#endif

static size_t kernel_len(const bh_layer *l)
{
    return (size_t)l->in.channels * l->kernel_h * l->kernel_w;
}

static size_t positions(const bh_layer *l)
{
    return (size_t)l->out.height * l->out.width;
}

size_t bh_train_layer_columns_len(const bh_layer *l)
{
    return l->kind == BH_LAYER_CONV2D ? kernel_len(l) * positions(l) : 0;
}

// Output coordinates [lo, end) of one axis for which kernel offset k falls inside the
// input rather than on the padding.
typedef struct range {
    size_t lo, end;
} range;

static range inside(size_t out_len, size_t in_len, size_t k, const bh_layer *l)
{
    range r = {0, 0};
    if (k < l->pad) {
        r.lo = (l->pad - k + l->stride - 1) / l->stride;
    }
    if (in_len + l->pad > k) {
        r.end = (in_len - 1 + l->pad - k) / l->stride + 1;
    }
    r.end = r.end < out_len ? r.end : out_len;
    r.lo = r.lo < r.end ? r.lo : r.end;
    return r;
}

// Lines are short (a row of an image), too short for a call of memcpy; the compiler
// makes vectors of the loops whose stride is known to be 1.
static void copy_strided(bh_real *restrict to, const bh_real *restrict from, size_t len,
                         size_t stride)
{
    if (stride == 1) {
        for (size_t i = 0; i < len; i++) {
            to[i] = from[i];
        }
        return;
    }
    for (size_t i = 0; i < len; i++) {
        to[i] = from[i * stride];
    }
}

static void add_strided(bh_real *restrict to, const bh_real *restrict from, size_t len,
                        size_t stride)
{
    if (stride == 1) {
        for (size_t i = 0; i < len; i++) {
            to[i] += from[i];
        }
        return;
    }
    for (size_t i = 0; i < len; i++) {
        to[i * stride] += from[i];
    }
}

static void set_zero(bh_real *to, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = 0;
    }
}

// One row of `columns`: kernel offset (ky, kx) in one channel plane.
static void plane_to_row(const bh_layer *l, bh_real *row, const bh_real *plane,
                         size_t ky, size_t kx)
{
    range ys = inside(l->out.height, l->in.height, ky, l);
    range xs = inside(l->out.width, l->in.width, kx, l);
    const size_t w = l->out.width;
    set_zero(row, ys.lo * w);
    for (size_t y = ys.lo; y < ys.end; y++) {
        size_t from = (y * l->stride + ky - l->pad) * l->in.width;
        bh_real *line = row + y * w;
        set_zero(line, xs.lo);
        if (xs.lo < xs.end) {
            copy_strided(line + xs.lo, plane + from + xs.lo * l->stride + kx - l->pad,
                         xs.end - xs.lo, l->stride);
        }
        set_zero(line + xs.end, w - xs.end);
    }
    set_zero(row + ys.end * w, (l->out.height - ys.end) * w);
}

static void row_to_plane(const bh_layer *l, bh_real *plane, const bh_real *row,
                         size_t ky, size_t kx)
{
    range ys = inside(l->out.height, l->in.height, ky, l);
    range xs = inside(l->out.width, l->in.width, kx, l);
    for (size_t y = ys.lo; y < ys.end; y++) {
        size_t to = (y * l->stride + ky - l->pad) * l->in.width;
        if (xs.lo < xs.end) {
            add_strided(plane + to + xs.lo * l->stride + kx - l->pad,
                        row + y * l->out.width + xs.lo, xs.end - xs.lo, l->stride);
        }
    }
}

static void image_to_columns(const bh_layer *l, bh_real *columns, const bh_real *image)
{
    for (size_t c = 0; c < l->in.channels; c++) {
        for (size_t ky = 0; ky < l->kernel_h; ky++) {
            for (size_t kx = 0; kx < l->kernel_w; kx++) {
                plane_to_row(l, columns, image, ky, kx);
                columns += positions(l);
            }
        }
        image += (size_t)l->in.height * l->in.width;
    }
}

static void columns_to_image(const bh_layer *l, bh_real *image, const bh_real *columns)
{
    memset(image, 0, bh_shape_len(l->in) * sizeof *image);
    for (size_t c = 0; c < l->in.channels; c++) {
        for (size_t ky = 0; ky < l->kernel_h; ky++) {
            for (size_t kx = 0; kx < l->kernel_w; kx++) {
                row_to_plane(l, image, columns, ky, kx);
                columns += positions(l);
            }
        }
        image += (size_t)l->in.height * l->in.width;
    }
}

// c[m][n] = beta * c + op(a) op(b), all matrices dense and row-major.
static void multiply(bh_real *c, const bh_real *a, CBLAS_TRANSPOSE a_op,
                     const bh_real *b, CBLAS_TRANSPOSE b_op, size_t m, size_t n,
                     size_t k, bh_real beta)
{
    blasint a_width = (blasint)(a_op == CblasNoTrans ? k : m);
    blasint b_width = (blasint)(b_op == CblasNoTrans ? n : k);
    GEMM(CblasRowMajor, a_op, b_op, (blasint)m, (blasint)n, (blasint)k, 1, a, a_width,
         b, b_width, beta, c, (blasint)n);
}

static void conv_forward(const bh_layer *l, bh_real *out, bh_real *columns,
                         const bh_real *in, const bh_real *weights, const bh_real *bias,
                         size_t count)
{
    const size_t p = positions(l), k = kernel_len(l);
    for (size_t i = 0; i < count; i++) {
        image_to_columns(l, columns, in);
        for (size_t o = 0; o < l->out_channels; o++) {
            for (size_t j = 0; j < p; j++) {
                out[o * p + j] = bias[o];
            }
        }
        multiply(out, weights, CblasNoTrans, columns, CblasNoTrans, l->out_channels, p,
                 k, 1);
        in += bh_shape_len(l->in);
        out += bh_shape_len(l->out);
    }
}

static void conv_backward(const bh_layer *l, bh_real *d_in, bh_real *d_weights,
                          bh_real *d_bias, bh_real *columns, const bh_real *d_out,
                          const bh_real *in, const bh_real *weights, size_t count)
{
    const size_t p = positions(l), k = kernel_len(l);
    for (size_t i = 0; i < count; i++) {
        image_to_columns(l, columns, in);
        multiply(d_weights, d_out, CblasNoTrans, columns, CblasTrans, l->out_channels,
                 k, p, 1);
        for (size_t o = 0; o < l->out_channels; o++) {
            bh_real sum = 0;
            for (size_t j = 0; j < p; j++) {
                sum += d_out[o * p + j];
            }
            d_bias[o] += sum;
        }
        if (d_in != NULL) {
            multiply(columns, weights, CblasTrans, d_out, CblasNoTrans, k, p,
                     l->out_channels, 0);
            columns_to_image(l, d_in, columns);
            d_in += bh_shape_len(l->in);
        }
        in += bh_shape_len(l->in);
        d_out += bh_shape_len(l->out);
    }
}

static void fc_forward(const bh_layer *l, bh_real *out, const bh_real *in,
                       const bh_real *weights, const bh_real *bias, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * l->out_channels, bias, l->out_channels * sizeof *out);
    }
    multiply(out, in, CblasNoTrans, weights, CblasTrans, count, l->out_channels,
             bh_shape_len(l->in), 1);
}

static void fc_backward(const bh_layer *l, bh_real *d_in, bh_real *d_weights,
                        bh_real *d_bias, const bh_real *d_out, const bh_real *in,
                        const bh_real *weights, size_t count)
{
    const size_t k = bh_shape_len(l->in), n = l->out_channels;
    multiply(d_weights, d_out, CblasTrans, in, CblasNoTrans, n, k, count, 1);
    for (size_t i = 0; i < count; i++) {
        for (size_t o = 0; o < n; o++) {
            d_bias[o] += d_out[i * n + o];
        }
    }
    if (d_in != NULL) {
        multiply(d_in, d_out, CblasNoTrans, weights, CblasNoTrans, count, k, n, 0);
    }
}

void bh_train_linear_forward(const bh_layer *l, bh_real *out, bh_real *columns,
                             const bh_real *in, const bh_real *params, size_t count)
{
    const bh_real *bias = params + bh_layer_weights_len(l);
    if (l->kind == BH_LAYER_FC) {
        fc_forward(l, out, in, params, bias, count);
    } else {
        conv_forward(l, out, columns, in, params, bias, count);
    }
}

void bh_train_linear_backward(const bh_layer *l, bh_real *d_in, bh_real *d_params,
                              bh_real *columns, const bh_real *d_out, const bh_real *in,
                              const bh_real *params, size_t count)
{
    bh_real *d_bias = d_params + bh_layer_weights_len(l);
    if (l->kind == BH_LAYER_FC) {
        fc_backward(l, d_in, d_params, d_bias, d_out, in, params, count);
    } else {
        conv_backward(l, d_in, d_params, d_bias, columns, d_out, in, params, count);
    }
}
