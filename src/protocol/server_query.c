// SPDX-License-Identifier: Apache-2.0
// The server's queries: uploads, what is due of them, and answers.
#include "base/error.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "protocol/server_state.h"

void bh_server_expect_upload(bh_server *s)
{
    bh_server_expect(s, BH_SERVER_WANT_UPLOAD, BH_FRAME_UPLOAD,
                     bh_message_upload_bytes(s->service->plan, s->layer));
}

void bh_server_drop_uploads(bh_server *s)
{
    for (uint32_t i = 0; s->uploads != NULL && i < s->service->plan->samples; i++) {
        bh_free(s->uploads[i]);
        s->uploads[i] = NULL;
    }
}

// Bytes that may still wait for a client that sends the upload in turn: it has read the
// answer of the layer before to the same sample, so what waits are the answers behind
// that one, S - 1 of them, less those that are not computed yet.
static uint64_t may_wait(const bh_server *s)
{
    const bh_plan *plan = s->service->plan;
    uint64_t bytes = 0;
    for (uint32_t k = s->sample + 1; k + s->due < s->sample + plan->samples; k++) {
        bytes +=
            BH_FRAME_HEADER_BYTES +
            bh_message_answer_bytes(plan, k < plan->samples ? s->layer - 1 : s->layer);
    }
    return bytes;
}

// Whether a client that reads and sends in turn can be where it says that it is (R7):
// one that does not read makes this side hold no more than S answers, and S uploads.
static bool has_read_answers(const bh_server *s)
{
    size_t waiting = bh_outbox_waiting(&s->outbox);
    if (s->layer == 0) {
        return s->due == 0 && waiting == 0;
    }
    return s->due < s->service->plan->samples && waiting <= may_wait(s);
}

// What must hold before anything is computed. A counter that does not go on where the
// last upload ended would use a uniform part twice (R8).
static bh_status check_upload(const bh_server *s, uint64_t new_answers, bh_error *err)
{
    bh_reader r = bh_reader_over(s->in.payload, s->in.len);
    uint32_t layer = bh_reader_u32(&r), sample = bh_reader_u32(&r);
    uint64_t counter = bh_reader_u64(&r);
    uint64_t served = s->answers + BH_HOOK(answers_before);
    if (layer != s->layer || sample != s->sample) {
        return bh_fail(err, BH_ERR_PEER,
                       "an upload for layer %u, sample %u, not layer %u, sample %u",
                       layer, sample, s->layer, s->sample);
    }
    if (counter != s->counter) {
        return bh_fail(err, BH_ERR_PEER, "an upload with a counter out of sequence");
    }
    if (!has_read_answers(s)) {
        return bh_fail(err, BH_ERR_PEER, "an upload before the last answer was read");
    }
    if (served + new_answers > BH_ANSWERS_PER_KEY_MAX) {
        return bh_fail(err, BH_ERR_PEER, "the key has served its answers");
    }
    return BH_OK;
}

// The uploads of layer 0 stand for all samples.
bh_status bh_server_on_upload(bh_server *s, bh_error *err)
{
    const bh_plan *plan = s->service->plan;
    const bh_linear *l = &plan->layers[s->layer].linear;
    uint32_t due = s->layer == 0 ? plan->samples : 1;
    bh_status status = check_upload(s, (uint64_t)due * l->n_answers, err);
    if (status != BH_OK) {
        return status;
    }
    s->answers += (uint64_t)due * l->n_answers;
    s->counter += l->n_uploads;
    s->due += due;
    s->uploads[s->sample] = bh_frame_take(&s->in);
    s->sample = (s->sample + due) % plan->samples;
    s->layer = (s->layer + (s->sample == 0)) % plan->n_layers;
    bh_server_expect_upload(s);
    return BH_OK;
}

// Appends the frames of the next answers with room for their ciphertexts; at[k]: where
// the k-th one's begin.
static bh_status begin_answers(bh_server *s, size_t *at, uint32_t count)
{
    bh_writer *w = &s->outbox.writer;
    const bh_plan *plan = s->service->plan;
    for (uint32_t k = 0; k < count; k++) {
        bh_frame_begin(w, BH_FRAME_ANSWER,
                       bh_message_answer_bytes(plan, s->sampled.layer));
        bh_writer_u32(w, s->sampled.layer);
        bh_writer_u32(w, s->sampled.sample + k);
        bh_writer_u64(w, 0);
        at[k] = w->len;
        bh_writer_extend(w, bh_plan_answer_bytes(plan, s->sampled.layer));
    }
    return w->status;
}

// An answer's share of the time that `count` of them took, into its frame.
static void write_times(bh_server *s, const size_t *at, uint32_t count, uint64_t us)
{
    for (uint32_t k = 0; k < count; k++) {
        bh_server_write_time(s, at[k], us * (k + 1) / count - us * k / count);
    }
}

// Computes the next `count` answers.
static bh_status answer(bh_server *s, uint32_t count)
{
    size_t at[BH_SAMPLES_MAX];
    bh_server_job jobs[BH_SAMPLES_MAX];
    uint32_t first = s->sampled.sample;
    uint64_t start = bh_server_now_us(s);
    bh_status status = begin_answers(s, at, count);
    for (uint32_t k = 0; k < count && status == BH_OK; k++) {
        const uint8_t *payload = s->uploads[first + k];
        jobs[k] = (bh_server_job){
            .upload = payload != NULL ? payload + BH_MESSAGE_SAMPLE_HEADER_BYTES : NULL,
            .answer = s->outbox.writer.data + at[k]};
    }
    if (status == BH_OK) {
        status = bh_sampled_server_answer(&s->sampled, jobs, count);
    }
    for (uint32_t k = 0; k < count; k++) {
        bh_free(s->uploads[first + k]);
        s->uploads[first + k] = NULL;
    }
    if (status == BH_OK) {
        write_times(s, at, count, bh_server_now_us(s) - start);
    }
    return status;
}

bh_status bh_server_work(bh_server *s, bh_error *err)
{
    if (s->state == BH_SERVER_FAILED) {
        return bh_fail_plain(err, BH_ERR_STATE);
    }
    if (s->service->plan->guard == BH_GUARD_SEALED) {
        return bh_server_work_sealed(s, err);
    }
    if (s->due == 0) {
        bool is_over = !bh_server_is_busy(s);
        return is_over && bh_sampled_server_erase(&s->sampled) ? BH_OK : BH_WANT_MORE;
    }
    const bh_sampled_server *next = &s->sampled;
    uint32_t layer = next->layer, left = s->service->plan->samples - next->sample;
    uint32_t count = s->due < left ? s->due : left;
    count = count < next->side_by_side ? count : next->side_by_side;
    size_t complete = s->outbox.writer.len;
    bh_status status = answer(s, count);
    if (status != BH_OK) {
        bh_server_fail(s, status, complete);
        return bh_fail(err, status, "linear layer %u: %s", layer + 1,
                       bh_status_message(status));
    }
    s->due -= count;
    s->queries += next->layer == 0 && next->sample == 0; // it was the last answer
    return BH_OK;
}
