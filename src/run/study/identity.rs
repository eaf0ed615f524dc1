//! What the answers of a study depend on, and nothing else.

use serde_json::{Value, json};

use super::{PanelMember, Study};
use crate::prompt::Unit;
use crate::run::embedding::EmbedderChoice;
use crate::stages::workstreams::Workstream;
use crate::store::canonical;

impl Study {
    /// Everything that stored answers depend on, as JSON whose differences can be shown.
    ///
    /// Prices, limits, time limits, concurrency, retries, the quorum, weights and all settings of the stages after
    /// the replies are left out (but for the model of an endpoint that embeds): changing them never needs a new call. So is the number of records.
    #[must_use]
    pub fn identity(&self) -> Value {
        let schema: Vec<Value> = self
            .schema
            .definitions()
            .iter()
            .map(|definition| {
                let mut value = json!(definition);
                value.as_object_mut().and_then(|fields| fields.remove("weight"));
                value
            })
            .collect();
        let mut identity = json!({
            "question": self.question,
            "input": {
                "unit": self.input.unit,
                "fields": self.input.fields,
                "split": self.input.split,
                "records_per_call": self.input.records_per_call,
            },
            "personas": self.personas,
            "mode": self.mode,
            "panel": self.panel.iter().map(member).collect::<Vec<_>>(),
            "schema": schema,
        });
        if let (Some(section), Unit::Corpus) = (&self.workstreams, self.input.unit) {
            let asked = |stream: &Workstream| json!([stream.name, stream.records, stream.models]);
            identity["workstreams"] = section.streams.iter().map(asked).collect();
        }
        // Its vectors are paid for like answers; embedders that compute here cost nothing to change.
        let embedder = EmbedderChoice::from_section(&self.embedder).ok();
        if let Some(name) = embedder.as_ref().and_then(EmbedderChoice::remote_name) {
            identity["embedder"] = json!(name);
        }
        identity
    }

    /// A hash of [`Self::identity`], in hexadecimal: equal studies have equal fingerprints.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // A JSON value always has a JSON form.
        let text = canonical(&self.identity()).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}

fn member(member: &PanelMember) -> Value {
    json!({
        "name": member.name,
        "model": member.reference(),
        "address": member.endpoint.as_ref().map(crate::provider::Endpoint::base_url),
        "stance": member.stance,
        "stance_prompt": member.stance_prompt,
        "samples": member.samples,
        "options": member.options,
    })
}
