//! Why a pipeline cannot be walked.

/// A pipeline that cannot be walked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// No stage at all.
    #[error("there is no stage in it; name at least `panel`")]
    Empty,
    /// A stage that nothing describes.
    #[error("`{name}` is no stage: it is none of {known}, and `settings` has no `kind` for it{meant}")]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        known: String,
        /// What was probably meant: empty, or beginning with a semicolon.
        meant: String,
    },
    /// A kind that does not exist.
    #[error("`{kind}` is no kind of stage; there are {known}")]
    Kind {
        /// The word.
        kind: String,
        /// The kinds.
        known: String,
    },
    /// A stage that stands in the order twice.
    #[error("`{name}` stands in the order twice; give the second one a name and a `kind`")]
    Twice {
        /// The name.
        name: String,
    },
    /// A name that cannot be that of a folder or a file.
    #[error(
        "`{name}` cannot be the name of {what}; take up to 100 letters, digits, `-` and `_`, as folders and files are called so"
    )]
    Name {
        /// The name, or how it begins.
        name: String,
        /// What is called so.
        what: &'static str,
    },
    /// Two names that only some systems tell apart.
    #[error(
        "`{name}` and `{other}` differ in nothing but capitals, and would share a folder where those do not count; give one another name"
    )]
    Capitals {
        /// The later name.
        name: String,
        /// The earlier one.
        other: String,
    },
    /// A program that would write what a stage of the engine makes.
    #[error(
        "`{name}` cannot make `{artefact}`, which the engine makes itself; give what the program makes another name in `produces`"
    )]
    Reserved {
        /// The stage.
        name: String,
        /// What it would make.
        artefact: String,
    },
    /// Settings for a stage that is not in the order.
    #[error("`{name}` is not in `stage_order`; add it there, or remove its settings")]
    Unordered {
        /// The name.
        name: String,
    },
    /// A name in a group that is not in the order.
    #[error("`{name}` is not in `stage_order`, which has {known}")]
    NotInOrder {
        /// The name.
        name: String,
        /// The order.
        known: String,
    },
    /// A group of nobody, or of one.
    #[error("a group has at least two stages; this one has {count}")]
    SmallGroup {
        /// How many it has.
        count: usize,
    },
    /// A stage that stops for a person, in a group.
    #[error("`{name}` waits for a person; what waits cannot stand in a group, where others would go past it")]
    WaitsInGroup {
        /// The stage.
        name: String,
    },
    /// Another stage stands between the stages of a group.
    #[error(
        "`{between}` stands between `{first}` and `{last}` in `stage_order`; the stages of a group are neighbours"
    )]
    Apart {
        /// What stands between.
        between: String,
        /// The group's first stage.
        first: String,
        /// The group's last stage.
        last: String,
    },
    /// `after` or `before` say something else than the order.
    #[error(
        "`{side}: {name}` contradicts `stage_order`, where `{name}` does not stand {side_words} `{stage}`"
    )]
    Contradiction {
        /// `after` or `before`.
        side: &'static str,
        /// The stage that it names.
        name: String,
        /// `before` or `behind`.
        side_words: &'static str,
        /// The group's stage.
        stage: String,
    },
    /// A stage in two groups.
    #[error("`{name}` is in the group `{other}` already; groups do not overlap")]
    Overlap {
        /// The stage.
        name: String,
        /// The other group.
        other: String,
    },
    /// A stage needs what nobody before it makes.
    #[error("`{name}` needs `{artefact}`, which no stage before it makes; {advice}")]
    Missing {
        /// The stage.
        name: String,
        /// What it needs.
        artefact: String,
        /// What to do.
        advice: String,
    },
    /// A stage would be done without what only a later stage makes.
    #[error(
        "`{name}` takes `{artefact}` into account, which only `{maker}` behind it makes; move `{maker}` before it"
    )]
    TooEarly {
        /// The stage.
        name: String,
        /// What it would not see.
        artefact: String,
        /// Who makes it.
        maker: String,
    },
    /// A stage needs, or takes into account, what its neighbour in the group makes.
    #[error(
        "`{name}` needs `{artefact}` of `{sibling}`, which goes at the same time; take one of them out of the group"
    )]
    Sibling {
        /// The stage.
        name: String,
        /// What it needs.
        artefact: String,
        /// Who makes it.
        sibling: String,
    },
    /// Two stages of a group that make the same thing.
    #[error(
        "`{name}` and `{sibling}` go at the same time and both make `{artefact}`; take one of them out of the group"
    )]
    MadeTwice {
        /// The one.
        name: String,
        /// The other.
        sibling: String,
        /// What both make.
        artefact: String,
    },
    /// A setting that the kind has no use for.
    #[error("a stage of kind `{kind}` has no `{setting}`; remove it")]
    Useless {
        /// The kind.
        kind: String,
        /// The setting.
        setting: &'static str,
    },
    /// A setting out of its range.
    #[error("`{setting}` is {value}; it must be {range}")]
    Range {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// A model that nobody described.
    #[error("`{name}` is neither in the panel nor in the `models` of the stages; there are {known}")]
    Model {
        /// The name.
        name: String,
        /// Who there is.
        known: String,
    },
    /// A command without a program.
    #[error("a `command` needs `run`: the program and its arguments, as a list")]
    NoProgram,
}

/// What is wrong, and where it is written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{at}`: {error}")]
pub struct Misplaced {
    /// The line, from 1, where it is known.
    pub line: Option<u64>,
    /// The key, such as `parallel_groups.checks.after`.
    pub at: String,
    /// What is wrong.
    pub error: PipelineError,
}
