# Drops the documents of labels that occur fewer than `min` times; the file is read twice. The count goes to `report`.
BEGIN { FS = "\t" }
FNR == 1 { pass++ }
pass == 1 { count[$2]++; next }
count[$2] >= min { kept++; print; next }
{ dropped++ }
END {
  for (label in count) labels += count[label] >= min
  printf "kept=%d\ndropped=%d\nlabels=%d\n", kept, dropped, labels >> report
}
