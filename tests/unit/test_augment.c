// SPDX-License-Identifier: Apache-2.0
// How images are changed at random before training sees them.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "bayes/augment.h"
#include "model/input.h"
#include "support/close.h"
#include "support/stats.h"

#define SIDE_MAX   31
#define PIXELS_MAX (2 * SIDE_MAX * SIDE_MAX)

// An image, and room for what becomes of it. Its reals are its pixels.
typedef struct scene {
    bh_graph graph;
    bh_images images;
    bh_augment augment;
    bh_train_rng rng;
    size_t len;
    uint8_t from[PIXELS_MAX], to[PIXELS_MAX];
} scene;

static scene *scene_new(bh_shape shape, bh_augment augment, const char *name)
{
    test_rng rng = test_rng_new(name);
    scene *s = bh_alloc(1, sizeof *s);
    assert_non_null(s);
    s->len = bh_shape_len(shape);
    s->augment = augment;
    s->rng = bh_train_rng_make(test_rng_next(&rng));
    s->images = (bh_images){.count = 1, .shape = shape, .pixels = s->from};
    s->graph.input = (bh_input){.shape = shape, .dev = {1 / 255.0f, 1 / 255.0f}};
    for (size_t i = 0; i < s->len; i++) {
        s->from[i] = (uint8_t)(1 + test_rng_below(&rng, 255));
    }
    return s;
}

// Sets `to`.
static void show(scene *s)
{
    const size_t lane = s->rng.state[0] % BH_LANES;
    bh_real block[PIXELS_MAX * BH_LANES];
    uint8_t pixels[PIXELS_MAX];
    float real[PIXELS_MAX];
    bh_augment_image(block, lane, &s->graph, &s->images, 0, &s->augment, &s->rng,
                     pixels, real);
    for (size_t i = 0; i < s->len; i++) {
        s->to[i] = (uint8_t)lrint((double)block[i * BH_LANES + lane]);
    }
}

// Pixel (y, x) of channel c: 0, or the edge's, where there is none.
static uint8_t pixel_of(const scene *s, size_t c, int y, int x)
{
    const int h = (int)s->images.shape.height, w = (int)s->images.shape.width;
    const int ny = y < 0 ? 0 : y >= h ? h - 1 : y, nx = x < 0 ? 0 : x >= w ? w - 1 : x;
    const bool outside = ny != y || nx != x;
    return outside && !s->augment.repeat_edge ? 0 : s->from[((int)c * h + ny) * w + nx];
}

// Whether `to` is the image moved by (dy, dx), after `kind`: 0 to 3 quarter turns,
// mirrored first if it is 4 or more.
static bool is_moved(const scene *s, int dy, int dx, int kind)
{
    const int h = (int)s->images.shape.height, w = (int)s->images.shape.width;
    for (size_t i = 0; i < s->len; i++) {
        const int plane = h * w, c = (int)i / plane;
        int y = (int)i % plane / w - dy, x = (int)i % w - dx;
        for (int k = 0; k < kind % 4; k++) {
            const int before = y;
            y = x;
            x = (k % 2 == 0 ? h : w) - 1 - before;
        }
        x = kind >= 4 ? w - 1 - x : x;
        if (s->to[i] != pixel_of(s, (size_t)c, y, x)) {
            return false;
        }
    }
    return true;
}

// Shows it often: it is always one of the wanted changes, and each as often as the
// others. wanted: a bit for every kind of is_moved.
static void check_moves(bh_shape shape, bh_augment augment, unsigned wanted,
                        const char *name)
{
    enum { ROUNDS = 200 }; // for every change
    scene *s = scene_new(shape, augment, name);
    const int most = (int)augment.shift, across = 2 * most + 1;
    const size_t n = (size_t)(8 * across * across);
    uint64_t counts[8 * 49] = {0}, seen[8 * 49];
    double expected[8 * 49];
    size_t changes = 0;
    for (size_t i = 0; i < n; i++) {
        changes += wanted >> (i % 8) & 1;
    }
    for (size_t round = 0; round < ROUNDS * changes; round++) {
        size_t i = 0;
        show(s);
        while (i < n && !((wanted >> (i % 8) & 1) &&
                          is_moved(s, (int)i / 8 / across - most,
                                   (int)i / 8 % across - most, (int)i % 8))) {
            i++;
        }
        assert_true(i < n);
        counts[i]++;
    }
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (wanted >> (i % 8) & 1) {
            expected[at] = ROUNDS;
            seen[at++] = counts[i];
        }
    }
    assert_true(stats_chi_square(seen, expected, changes) <
                stats_chi_square_limit(changes - 1));
    bh_free(s);
}

static void test_shifts(void **state)
{
    (void)state;
    check_moves((bh_shape){2, 7, 6}, (bh_augment){.shift = 2}, 1, "shifts");
    check_moves((bh_shape){1, 7, 8}, (bh_augment){.shift = 3, .repeat_edge = true}, 1,
                "shifts, edges repeated");
}

static void test_flips(void **state)
{
    (void)state;
    check_moves((bh_shape){2, 5, 6}, (bh_augment){.flip_horizontal = true}, 0x11,
                "left and right");
    check_moves((bh_shape){1, 4, 7}, (bh_augment){.flip_vertical = true}, 0x41,
                "upside down"); // mirrored and turned by two quarters
    check_moves(
        (bh_shape){1, 5, 6},
        (bh_augment){.flip_horizontal = true, .flip_vertical = true, .shift = 1}, 0x55,
        "both, and shifts");
}

static void test_turns(void **state)
{
    (void)state;
    check_moves((bh_shape){2, 5, 5}, (bh_augment){.turn = true}, 0x0f, "turns, odd");
    check_moves((bh_shape){1, 6, 6}, (bh_augment){.turn = true, .shift = 1}, 0x0f,
                "turns, even, and shifts");
    check_moves((bh_shape){1, 6, 6},
                (bh_augment){.turn = true, .flip_horizontal = true}, 0xff,
                "turns and flips");
}

// ---- what training sees ----

// The normalised pixels, as inference has them, in one lane of the block and no other.
static void check_normalised(const scene *s, const bh_augment *augment,
                             bh_normalise normalise)
{
    bh_graph g = s->graph;
    bh_train_rng rng = s->rng;
    bh_images images = s->images;
    uint8_t two[2 * PIXELS_MAX], pixels[PIXELS_MAX];
    float real[PIXELS_MAX], expected[PIXELS_MAX];
    bh_real block[PIXELS_MAX * BH_LANES];
    g.input.normalise = normalise;
    if (normalise == BH_NORMALISE_IMAGE) {
        g.input.dev[0] = g.input.dev[1] = 1;
    }
    memset(two, 77, sizeof two);
    memcpy(two + s->len, s->from, s->len);
    images.pixels = two;
    images.count = 2;
    memset(block, 0, sizeof block);
    bh_augment_image(block, 5, &g, &images, 1, augment, &rng, pixels, real);
    bh_normalise_pixels(&g, expected, s->from);
    for (size_t i = 0; i < s->len * BH_LANES; i++) {
        const double wanted = i % BH_LANES == 5 ? (double)expected[i / BH_LANES] : 0;
        assert_close(block[i], wanted, 0);
    }
}

static void test_nothing_changes(void **state)
{
    (void)state;
    const bh_augment none = {0}, edges = {.repeat_edge = true};
    scene *s = scene_new((bh_shape){2, 9, 7}, none, "nothing changes");
    s->graph.input.mean[0] = 0.3f;
    s->graph.input.dev[1] = 0.7f;
    const bh_augment *all[] = {NULL, &none, &edges};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        check_normalised(s, all[i], BH_NORMALISE_FIXED);
        check_normalised(s, all[i], BH_NORMALISE_IMAGE);
    }
    bh_free(s);
}

// Interpolation between pixels that are hit all but exactly is the identity.
static void test_hardly_anything_changes(void **state)
{
    (void)state;
    const bh_augment all[] = {{.rotate = 1e-9}, {.scale = 1e-12}};
    for (size_t i = 0; i < 2; i++) {
        scene *s = scene_new((bh_shape){2, 8, 7}, all[i], "hardly anything changes");
        for (int round = 0; round < 50; round++) {
            show(s);
            assert_memory_equal(s->to, s->from, s->len);
        }
        bh_free(s);
    }
}

// ---- rotations and scalings ----

#define SIDE   31
#define RADIUS 9 // of a spot around the middle, which stays inside

// A spot in each of two channels, a quarter apart.
static scene *spots(bh_augment augment, const char *name)
{
    scene *s = scene_new((bh_shape){2, SIDE, SIDE}, augment, name);
    memset(s->from, 0, sizeof s->from);
    for (int i = 0; i < 9; i++) {
        const int y = i / 3 - 1 + SIDE / 2, x = i % 3 - 1 + SIDE / 2;
        s->from[y * SIDE + x + RADIUS] = 255;
        s->from[SIDE * SIDE + (y + RADIUS) * SIDE + x] = 255;
    }
    return s;
}

// Where the spot of a channel is now, seen from the middle.
static void find_spot(const scene *s, size_t c, double *y, double *x)
{
    double sum = 0;
    *y = *x = 0;
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
        const double v = s->to[c * SIDE * SIDE + i];
        sum += v;
        *y += v * ((double)(i / SIDE) - SIDE / 2);
        *x += v * ((double)(i % SIDE) - SIDE / 2);
    }
    *y /= sum;
    *x /= sum;
}

typedef struct spot_range {
    double angle[2], size[2]; // least and most, in degrees and shares
} spot_range;

static void widen(double range[2], double v)
{
    range[0] = fmin(range[0], v);
    range[1] = fmax(range[1], v);
}

// Over many draws. Both spots move alike, and keep their sense: no reflection.
static spot_range watch_spots(scene *s)
{
    spot_range r = {{1e9, -1e9}, {1e9, -1e9}};
    for (int round = 0; round < 2000; round++) {
        double y[2], x[2];
        show(s);
        find_spot(s, 0, &y[0], &x[0]);
        find_spot(s, 1, &y[1], &x[1]);
        assert_close(y[1], x[0], 0.25);
        assert_close(x[1], -y[0], 0.25);
        widen(r.angle, atan2(y[0], x[0]) * 90 / acos(0));
        widen(r.size, hypot(y[0], x[0]) / RADIUS);
    }
    bh_free(s);
    return r;
}

// All angles up to the wanted one, in both directions, and no others.
static void test_rotations(void **state)
{
    (void)state;
    const spot_range r = watch_spots(spots((bh_augment){.rotate = 30}, "rotations"));
    assert_close(r.angle[0], -30, 1);
    assert_close(r.angle[1], 30, 1);
    assert_close(r.size[0], 1, 0.03);
    assert_close(r.size[1], 1, 0.03);
}

static void test_scalings(void **state)
{
    (void)state;
    const spot_range r = watch_spots(spots((bh_augment){.scale = 0.3}, "scalings"));
    assert_close(r.angle[0], 0, 1);
    assert_close(r.angle[1], 0, 1);
    assert_close(r.size[0], 0.7, 0.03);
    assert_close(r.size[1], 1.3, 0.03);
}

static void test_rotations_and_turns(void **state)
{
    (void)state;
    scene *s = spots((bh_augment){.rotate = 10, .turn = true}, "rotations and turns");
    uint64_t quarters[4] = {0};
    const double each[4] = {250, 250, 250, 250};
    for (int round = 0; round < 1000; round++) {
        double y, x;
        show(s);
        find_spot(s, 0, &y, &x);
        const double angle = atan2(y, x) / acos(0), turns = rint(angle);
        assert_true(fabs(angle - turns) * 90 < 11);
        quarters[((int)turns + 4) % 4]++;
    }
    assert_true(stats_chi_square(quarters, each, 4) < stats_chi_square_limit(3));
    bh_free(s);
}

// What comes in from outside.
static void test_edges(void **state)
{
    (void)state;
    for (int repeat = 0; repeat < 2; repeat++) {
        const bh_augment augment = {
            .rotate = 45, .scale = 0.5, .shift = 3, .repeat_edge = repeat == 1};
        scene *s = scene_new((bh_shape){1, 12, 9}, augment, "edges");
        bool empty = false;
        memset(s->from, 200, sizeof s->from);
        for (int round = 0; round < 200; round++) {
            show(s);
            for (size_t i = 0; i < s->len; i++) {
                assert_true(s->to[i] <= 200 && (repeat == 0 || s->to[i] == 200));
                empty = empty || s->to[i] == 0;
            }
        }
        assert_true(empty == (repeat == 0));
        bh_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shifts),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_nothing_changes),
        cmocka_unit_test(test_hardly_anything_changes),
        cmocka_unit_test(test_rotations),
        cmocka_unit_test(test_scalings),
        cmocka_unit_test(test_rotations_and_turns),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
