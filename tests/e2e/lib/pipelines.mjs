// The pipelines that several tests use.

// A nightly whose training fails on the graphics card with any learning rate over 0.2. What it says is what a person
// finds at 7 in the morning.
export const nightly = `
description: Trains the demand model on the last weeks
owner: forecasting
tags: [nightly, demand]
params:
  lr: {type: float, default: 0.4, min: 0, max: 1, help: The learning rate}
  days: {type: int, default: 56, min: 1, max: 400}
  size: {type: enum, values: [small, large], default: small}
tasks:
  load:
    run: |
      echo "reading $ROTA_PARAM_DAYS days"
      echo "rows=1200" >> "$ROTA_OUTPUT"
    outputs: {rows: int}
  train:
    needs: load
    run: |
      i=0
      while [ $i -lt 40 ]; do i=$((i + 1)); echo "epoch $i loss 0.$((100 - i))"; done
      if awk "BEGIN { exit !($ROTA_PARAM_LR > 0.2) }"; then
        echo "Traceback (most recent call last):"
        echo '  File "train.py", line 41, in step'
        echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
        exit 1
      fi
      printf '# Trained\\n\\n| metric | value |\\n| --- | ---: |\\n| rmse | 4.2 |\\n' > "$ROTA_SUMMARY"
      echo "rmse=4.2" >> "$ROTA_OUTPUT"
    outputs: {rmse: float}
  evaluate:
    needs: train
    run: echo "better than the champion"
  tidy:
    finally: true
    run: echo tidied
`;

// What the last success ran: the same with a smaller learning rate.
export const nightly_before = nightly.replace("default: 0.4", "default: 0.1");

// Two tasks side by side that wait until a file is there, and one after them. The file is given as a parameter.
export const gate = `
description: Waits until it is let through
params:
  open: {type: string, help: The file that lets it through}
tasks:
  hold:
    run: |
      echo "waiting for $ROTA_PARAM_OPEN"
      while [ ! -e "$ROTA_PARAM_OPEN" ]; do sleep 0.05; done
      echo "through"
  beside:
    run: |
      echo "0.5 half of it" >> "$ROTA_PROGRESS"
      while [ ! -e "$ROTA_PARAM_OPEN" ]; do sleep 0.05; done
  after:
    needs: [hold, beside]
    run: echo after
`;

// A task that fails once, waits long for its next try, and one that declares an output but fails.
export const shaky = `
description: Fails in several ways
tasks:
  later:
    run: |
      [ "$ROTA_ATTEMPT" -gt 1 ] || { echo "busy, come back" >&2; exit 75; }
      echo "went through"
    retries: {max: 3, delay: 1h, jitter: none}
  count:
    run: |
      echo "No space left on device" >&2
      exit 4
    outputs: {rows: int}
  use:
    needs: count
    run: echo "$ROTA_IN_COUNT_ROWS"
`;

export const HOSTILE = `<img src=x onerror="window.taken=1"><script>window.taken=1</script>`;

// Everything that a pipeline may say of itself and print, as an attacker would.
export const hostile = `
description: 'A description ${HOSTILE}'
owner: '${HOSTILE}'
doc: '${HOSTILE} [link](javascript:window.taken=1)'
params:
  text: {type: string, default: '${HOSTILE}', help: '${HOSTILE}'}
tasks:
  say:
    doc: '${HOSTILE}'
    run: |
      # </script><script>window.taken=1</script>
      printf '%s\\n' "$ROTA_PARAM_TEXT"
      printf '\\033[31mred %s\\033[0m\\n' "$ROTA_PARAM_TEXT"
      printf '\\033]8;;javascript:window.taken=1\\033\\\\link\\033]8;;\\033\\\\\\n'
      printf '\\342\\200\\256reversed\\000 \\377\\n'
      printf '# %s\\n\\n- [a](javascript:window.taken=1)\\n' "$ROTA_PARAM_TEXT" > "$ROTA_SUMMARY"
      echo "note=$ROTA_PARAM_TEXT" >> "$ROTA_OUTPUT"
      echo "0.5 $ROTA_PARAM_TEXT" >> "$ROTA_PROGRESS"
      echo "Error: $ROTA_PARAM_TEXT" >&2
      exit 3
    outputs: {note: string}
`;

// A wide run: a matrix whose last instances fail alike.
export const wide = `
description: Many instances
params:
  parts: {type: int, default: 40}
tasks:
  split:
    run: echo split
  part:
    needs: split
    matrix: {n: [${Array.from({ length: 60 }, (_, i) => i).join(", ")}]}
    run: |
      [ "$ROTA_MATRIX_N" -lt 22 ] || { echo "fatal: shard $ROTA_MATRIX_N is missing"; exit 2; }
      echo "shard $ROTA_MATRIX_N"
  merge:
    needs: part
    run: echo merged
`;
