// SPDX-License-Identifier: Apache-2.0
// How the data is cut, so that what is evaluated is what the network has not learnt
// from.
#include <stdio.h>

#include "base/error.h"
#include "data_check.h"
#include "eval/eval.h"

#define PART_BYTES sizeof((eval_setting *)0)->part

// "fold 1 of 5, 0.1 held back for validation, split seed 1"
static const char *describe(char text[PART_BYTES], const bh_dataset *data,
                            const bh_cut *cut)
{
    const bool own = cut->folds == 0 && data->split != NULL;
    size_t len =
        (size_t)(own ? snprintf(text, PART_BYTES, "as the data names it")
                     : snprintf(text, PART_BYTES, "fold %u of %u",
                                cut->folds == 0 ? 1 : cut->fold,
                                cut->folds == 0 ? BH_CUT_FOLDS_DEFAULT : cut->folds));
    if (cut->validation > 0) {
        len += (size_t)snprintf(text + len, PART_BYTES - len,
                                ", %g held back for validation", cut->validation);
    }
    if (!own || cut->validation > 0) {
        snprintf(text + len, PART_BYTES - len, ", split seed %llu",
                 (unsigned long long)cut->seed);
    }
    return text;
}

static bool same_folds(const bh_dataset *data, const bh_cut *given,
                       const bh_cut *trained)
{
    const bool by_default = trained->folds == 0 && data->split == NULL;
    return by_default ? given->folds == BH_CUT_FOLDS_DEFAULT && given->fold == 1
                      : given->folds == trained->folds && given->fold == trained->fold;
}

// The cut that the model was trained with. Any other would evaluate it on images that
// it has learnt from.
static bh_status follow(eval_setting *s, const bh_model_cut *c, bh_error *err)
{
    const eval_options *o = s->o;
    const bh_cut trained = {c->folds, c->fold, c->validation, c->seed};
    if ((o->folds > 0 && !same_folds(&s->data, &s->cut, &trained)) ||
        (o->validation_given && o->validation != trained.validation) ||
        (o->split_seed_given && o->split_seed != trained.seed)) {
        char text[PART_BYTES];
        return bh_fail(err, BH_ERR_ARG,
                       "%s was trained on another cut of the data (%s): leave --folds, "
                       "--fold, --validation and --split-seed out",
                       o->model, describe(text, &s->data, &trained));
    }
    s->cut = trained;
    if (data_has_validation(&s->data, &s->cut)) {
        s->cut.validation = 0;
    }
    return BH_OK;
}

static bh_status check_validation(const eval_setting *s, bool trained, bh_error *err)
{
    if (s->o->split != BH_SPLIT_VALIDATION || s->cut.validation > 0 ||
        data_has_validation(&s->data, &s->cut)) {
        return BH_OK;
    }
    return trained ? bh_fail(err, BH_ERR_ARG,
                             "%s names no validation part, and train held none back "
                             "for %s",
                             s->o->data, s->o->model)
                   : bh_fail(err, BH_ERR_ARG,
                             "%s names no validation part: say by --validation which "
                             "share of the training part train held back",
                             s->o->data);
}

bh_status eval_cut_make(eval_setting *s, bh_error *err)
{
    const eval_options *o = s->o;
    const bool trained = s->model != NULL && s->model->cut.stated;
    s->cut = (bh_cut){.folds = (uint32_t)o->folds,
                      .fold = (uint32_t)o->fold,
                      .validation = o->validation,
                      .seed = o->split_seed};
    bh_status status = data_check_cut(&s->data, &s->cut, o->data, err);
    if (status == BH_OK && trained) {
        status = follow(s, &s->model->cut, err);
    }
    status = status == BH_OK ? check_validation(s, trained, err) : status;
    if (o->split == BH_SPLIT_TEST) {
        s->cut.validation = 0; // it leaves the test part as it is
    }
    describe(s->part, &s->data, &s->cut);
    return status;
}
