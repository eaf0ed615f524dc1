//! Drafts of one persona become a consensus: values with support, confidence and divergence.
