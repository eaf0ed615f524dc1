//! The derivative of the logarithm of the gamma function.

/// ψ(x) for x > 0, to about 1e-10.
///
/// Source: recurrence ψ(x) = ψ(x + 1) − 1/x up to x ≥ 6, then the asymptotic series (Abramowitz and
/// Stegun, 6.3.18).
pub(super) fn digamma(mut x: f64) -> f64 {
    let mut result = 0.0;
    while x < 6.0 {
        result -= 1.0 / x;
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = 1.0 / 12.0
        - inverse * (1.0 / 120.0 - inverse * (1.0 / 252.0 - inverse * (1.0 / 240.0 - inverse / 132.0)));
    result + x.ln() - 0.5 / x - inverse * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // ψ(1) = −γ, ψ(½) = −γ − 2 ln 2, ψ(10) = −γ + 1 + ½ + … + 1/9.
        let euler = 0.577_215_664_901_532_9;
        assert!((digamma(1.0) + euler).abs() < 1e-9);
        assert!((digamma(0.5) + euler + 2.0 * 2.0_f64.ln()).abs() < 1e-9);
        let harmonic: f64 = (1..10).map(|n| 1.0 / f64::from(n)).sum();
        assert!((digamma(10.0) + euler - harmonic).abs() < 1e-9);
    }
}
