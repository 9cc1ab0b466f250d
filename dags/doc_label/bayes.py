"""Naive Bayes over word counts, and the figures that judge it."""
import collections
import json
import math
import os
import sqlite3


def documents(database, *parts):
    """[(label, {word: count})] in the order of their numbers."""
    with sqlite3.connect(database) as db:
        marks = ",".join("?" * len(parts))
        rows = db.execute(f"SELECT label, counts FROM doc WHERE part IN ({marks}) ORDER BY id", parts)
        return [(label, json.loads(counts)) for label, counts in rows]


def fit(docs, alpha, prior):
    """alpha smooths the words; `prior` is true to learn how common each label is, false to take all as equal."""
    labels, words, vocabulary = collections.Counter(), {}, set()
    for label, counts in docs:
        labels[label] += 1
        words.setdefault(label, collections.Counter()).update(counts)
        vocabulary.update(counts)
    model = {"alpha": alpha, "prior": {}, "words": {}, "unseen": {}}
    for label, number in labels.items():
        total = sum(words[label].values()) + alpha * len(vocabulary)
        model["prior"][label] = math.log(number / len(docs)) if prior else 0.0
        model["words"][label] = {w: math.log((n + alpha) / total) for w, n in words[label].items()}
        model["unseen"][label] = math.log(alpha / total)
    return model


def predict(model, counts):
    best, label = -math.inf, None
    for name, score in model["prior"].items():
        words, unseen = model["words"][name], model["unseen"][name]
        for word, n in counts.items():
            score += n * words.get(word, unseen)
        if score > best:
            best, label = score, name
    return label


def judge(pairs):
    """accuracy, {label: F1} of [(true, told)]."""
    hits, told, true = collections.Counter(), collections.Counter(), collections.Counter()
    for is_label, says in pairs:
        true[is_label] += 1
        told[says] += 1
        hits[is_label] += is_label == says
    return sum(hits.values()) / len(pairs), {l: 2 * hits[l] / (true[l] + told[l]) for l in true}


def append(variable, text):
    with open(os.environ.get(variable) or os.devnull, "a") as out:
        out.write(text + "\n")
