# From the source's layout to ours: id, label, text, with a tab between them and without a header.
BEGIN { FS = ","; OFS = "\t" }
FNR > 1 { print $1, $2, $3 }
