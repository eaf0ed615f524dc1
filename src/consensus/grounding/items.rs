//! Which item of a list a passage speaks for, and what the list rests on.
//!
//! Models cite passages for a trait, not for an item of it. A passage belongs to the item of the model that cites
//! it which it has most words in common with, and else to the nearest in meaning. It never counts for an item that
//! another model alone has.

use super::source::{Source, words};
use super::{BackedItems, Backing, Basis, Citations, Found, FoundBy, quote};
use crate::consensus::{CitedEvidence, TraitConsensus, Variant};
use crate::embed::{EmbedError, Embedder};
use crate::persona::{ModelName, TraitValue};

/// Words begin alike from this many letters on: `closing` and `close`. Shorter words are found in every sentence.
const STEM: usize = 4;

/// Says of every passage that was cited for a list which item it speaks for.
pub(super) fn assign(found: &mut TraitConsensus, embedder: &dyn Embedder) -> Result<(), EmbedError> {
    if found.kind != "list" {
        return Ok(());
    }
    let mut variants = std::mem::take(&mut found.variants);
    let mut assigned = Ok(());
    let mut cited: Vec<&mut CitedEvidence> = found.evidence.iter_mut().collect();
    let mut of_variants: Vec<Vec<CitedEvidence>> =
        variants.iter_mut().map(|variant| std::mem::take(&mut variant.evidence)).collect();
    cited.extend(of_variants.iter_mut().flatten());
    for passage in cited {
        match item_of(passage, &variants, embedder) {
            Ok(item) => passage.item = item,
            Err(error) => assigned = Err(error),
        }
    }
    for (variant, evidence) in variants.iter_mut().zip(of_variants) {
        variant.evidence = evidence;
    }
    found.variants = variants;
    assigned
}

/// The item that a passage speaks for, of those that the model has which cites it.
fn item_of(
    passage: &CitedEvidence,
    variants: &[Variant],
    embedder: &dyn Embedder,
) -> Result<Option<String>, EmbedError> {
    let own = own_items(&passage.model, variants);
    let names = |place: usize| Some(own[place].0.value.to_string());
    match own.len() {
        0 => return Ok(None),
        1 => return Ok(names(0)),
        _ => {}
    }
    let said = words(&passage.quote);
    let shared: Vec<usize> = own.iter().map(|(_, wording)| in_common(&said, &words(wording))).collect();
    let most = shared.iter().copied().max().unwrap_or_default();
    let best: Vec<usize> = (0..own.len()).filter(|&place| shared[place] == most).collect();
    if let [only] = best[..] {
        return Ok(names(only));
    }
    let mut texts = vec![passage.quote.as_str()];
    texts.extend(best.iter().map(|&place| own[place].1.as_str()));
    let rows = embedder.embed(&texts)?;
    let nearest = best
        .iter()
        .enumerate()
        .map(|(row, &place)| (place, rows.cosine(0, row + 1)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    // What is near to none of them speaks for none of them.
    Ok(nearest.filter(|(_, cosine)| *cosine > 0.0).and_then(|(place, _)| names(place)))
}

/// The items of a model with its own words for them.
fn own_items<'v>(model: &ModelName, variants: &'v [Variant]) -> Vec<(&'v Variant, String)> {
    variants
        .iter()
        .filter_map(|variant| {
            let own = variant.said.iter().filter(|said| said.model == *model);
            let wordings: Vec<String> = own.map(|said| said.value.to_string()).collect();
            (!wordings.is_empty()).then(|| (variant, wordings.join(" ")))
        })
        .collect()
}

/// Words of the second text whose like stands in the first.
fn in_common(one: &[String], other: &[String]) -> usize {
    let stem = |word: &String| word.chars().take(STEM).collect::<String>();
    let long = |word: &&String| word.chars().count() >= STEM;
    let stems: Vec<String> = one.iter().filter(long).map(stem).collect();
    other.iter().filter(long).filter(|word| stems.contains(&stem(word))).count()
}

/// Looks up the words that a persona is said to have spoken: each is its own passage. What was cited beside them
/// speaks for those only that it repeats.
pub(super) fn own_words(found: &mut TraitConsensus, source: &Source) {
    let of_variants = found.variants.iter_mut().flat_map(|variant| &mut variant.evidence);
    for cited in found.evidence.iter_mut().chain(of_variants) {
        cited.found = Some(quote::find(&cited.quote, cited.row.as_deref(), source));
    }
    for item in values(&found.value) {
        let same = |cited: &&mut CitedEvidence| words(&cited.quote) == words(&item);
        let mut told = false;
        for cited in found.evidence.iter_mut().filter(same) {
            cited.item = Some(item.clone());
            told = true;
        }
        let variant = found.variants.iter().find(|variant| variant.value.to_string() == item);
        if let Some(variant) = variant.or(found.variants.first())
            && !told
        {
            found.evidence.push(CitedEvidence {
                model: variant.representative.clone(),
                quote: item.clone(),
                row: None,
                item: Some(item.clone()),
                found: Some(quote::find(&item, None, source)),
            });
        }
    }
    found.backing = Some(rests_on(found, Some(values(&found.value))));
}

fn values(value: &TraitValue) -> Vec<String> {
    match value {
        TraitValue::List(items) => items.clone(),
        value => vec![value.to_string()],
    }
}

/// What the value rests on; of a list, by the passages of the items that it has.
pub(super) fn backing(found: &TraitConsensus) -> Backing {
    rests_on(found, (found.kind == "list").then(|| values(&found.value)))
}

/// What the value rests on, where only passages of some items count, by those; else by all.
fn rests_on(found: &TraitConsensus, kept: Option<Vec<String>>) -> Backing {
    let counts = |cited: &&CitedEvidence| match &kept {
        Some(items) => cited.item.as_ref().is_some_and(|item| items.contains(item)),
        None => true,
    };
    let cited: Vec<&CitedEvidence> = found.evidence.iter().filter(counts).collect();
    let there: Vec<&&CitedEvidence> = cited.iter().filter(|cited| stands(cited)).collect();
    let mut rows: Vec<&str> = there.iter().filter_map(|cited| cited.found.as_ref()?.row.as_deref()).collect();
    let mut models: Vec<&ModelName> = there.iter().map(|cited| &cited.model).collect();
    rows.sort_unstable();
    rows.dedup();
    models.sort_unstable();
    models.dedup();
    let citations = citations(cited.iter().copied());
    let basis = match (citations, found.support) {
        (Citations::Found, _) => Basis::Evidence,
        (_, 2..) => Basis::Echo,
        _ => Basis::Unsupported,
    };
    let items = kept.filter(|_| found.kind == "list").map(|items| BackedItems {
        found: items
            .iter()
            .filter(|item| there.iter().any(|cited| cited.item.as_ref() == Some(item)))
            .count(),
        of: items.len(),
    });
    Backing { basis, citations, rows: rows.len(), models: models.len(), items }
}

/// What came of looking for some passages.
pub(super) fn citations<'c>(cited: impl Iterator<Item = &'c CitedEvidence>) -> Citations {
    let mut all = Citations::Nothing;
    for passage in cited {
        if stands(passage) {
            return Citations::Found;
        }
        all = Citations::NotFound;
    }
    all
}

fn stands(cited: &CitedEvidence) -> bool {
    matches!(&cited.found, Some(Found { by, row: Some(_), .. }) if *by != FoundBy::Nothing)
}
