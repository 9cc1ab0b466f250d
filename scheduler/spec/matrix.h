/* The axes of a matrix; matrix_expand and instance_label are in scope.h.
 *
 * Items that are written as literals are text, but if all literal items of an axis are whole numbers, numbers or
 * booleans whose canonical text is what was written ("0.1", "10", but not "3.10" or "010"), they are of that type:
 * the text stays as it was written, and an expression can compare it with a number.
 */
#ifndef ROTA_SPEC_MATRIX_H
#define ROTA_SPEC_MATRIX_H

#include "scheduler/spec/expr/value.h"
#include "scheduler/spec/pipeline.h"

#define MATRIX_AXES_MAX 16

/* The type of the axis' values as far as it is known before a run; VALUE_ANY for a long or a mixed list. */
enum value_type matrix_axis_type(const struct pipeline *p, const struct matrix_axis *axis);

#endif
