// SPDX-License-Identifier: Apache-2.0
// What eval reads: one part of the data set, and all that is none of the model's
// business.
#include <string.h>

#include "base/error.h"
#include "eval/eval.h"

static void on_skipped(void *user, const char *sentence)
{
    (void)user;
    cli_fail(eval_name, "%s", sentence);
}

// exact: pictures of another size than the model's are no examples.
static bh_status load(const eval_setting *s, bh_dataset *out, const char *path,
                      bool exact, bh_error *err)
{
    const eval_options *o = s->o;
    const bh_input *input = s->model != NULL ? &s->model->graph.input : NULL;
    const bh_dataset_options options = {.wanted = input != NULL ? input->shape
                                                                : (bh_shape){0},
                                        .exact = exact,
                                        .strict = o->strict,
                                        .label = o->label,
                                        .on_skipped = on_skipped};
    bh_status status = bh_dataset_load(out, path, &options, err);
    if (status != BH_OK || out->values == NULL) {
        return status;
    }
    return input != NULL ? bh_dataset_encode(out, input, err)
                         : bh_fail(err, BH_ERR_ARG,
                                   "a table takes --model, which knows its columns");
}

// Its test part if it names one, otherwise all of it: the network has learnt from none.
static bh_status load_ood(eval_setting *s, bh_error *err)
{
    bh_dataset data = {0};
    bh_status status = load(s, &data, s->o->ood, true, err);
    if (status == BH_OK && data.split != NULL &&
        memchr(data.split, BH_SPLIT_TEST, data.images.count) != NULL) {
        status = bh_dataset_take(&s->ood, &data, &(bh_cut){0}, BH_SPLIT_TEST, err);
    } else if (status == BH_OK) {
        s->ood = data.images;
        data.images = (bh_images){0};
    }
    bh_dataset_clear(&data);
    return status;
}

bh_status eval_data_load(eval_setting *s, bh_error *err)
{
    const eval_options *o = s->o;
    bh_status status = load(s, &s->data, o->data, false, err);
    status = status == BH_OK ? eval_cut_make(s, err) : status;
    return status == BH_OK && o->ood != NULL ? load_ood(s, err) : status;
}

bh_status eval_data_take(eval_setting *s, bh_error *err)
{
    const char *names[BH_GRAPH_CLASSES_MAX];
    for (uint32_t c = 0; c < s->classes; c++) {
        names[c] = eval_class_own_name(s, c);
    }
    bh_status status = bh_dataset_match_classes(&s->data, names, s->classes, err);
    if (status == BH_OK) {
        status = bh_dataset_take(&s->images, &s->data, &s->cut, s->o->split, err);
    }
    bh_dataset_clear(&s->data);
    return status;
}
