//! Money is reserved before a call is sent, so that a limit is never overshot.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::store::Money;

#[derive(Debug)]
struct Ledger {
    spent: Money,
    reserved: Money,
}

/// What a run has spent, what it has promised, and what it may.
#[derive(Debug)]
pub(super) struct Spending {
    limit: Option<Money>,
    ledger: Mutex<Ledger>,
    freed: Notify,
}

/// The money of several runs that share one limit.
#[derive(Clone, Debug)]
pub struct Budget(pub(super) Arc<Spending>);

impl Budget {
    /// A limit, and what has been spent of it.
    #[must_use]
    pub fn new(limit: Option<Money>, spent: Money) -> Self {
        Self(Arc::new(Spending::new(limit, spent)))
    }

    /// What has been spent, by all of them.
    #[must_use]
    pub fn spent(&self) -> Money {
        self.0.spent()
    }
}

/// No call of this price can be made within the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LimitReached;

/// Money set aside for one call; given back when it is dropped without being spent.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    spending: &'a Spending,
    amount: Money,
}

impl Spending {
    pub(super) fn new(limit: Option<Money>, spent: Money) -> Self {
        Self { limit, ledger: Mutex::new(Ledger { spent, reserved: Money::ZERO }), freed: Notify::new() }
    }

    /// Sets an amount aside, waiting for calls in flight when only their reservations stand in the way.
    pub(super) async fn reserve(&self, amount: Money) -> Result<Reservation<'_>, LimitReached> {
        loop {
            // Registered before the ledger is read, so that nothing freed in between is missed.
            let freed = self.freed.notified();
            match self.try_reserve(amount) {
                Some(answer) => return answer,
                None => freed.await,
            }
        }
    }

    fn try_reserve(&self, amount: Money) -> Option<Result<Reservation<'_>, LimitReached>> {
        self.with(|ledger| {
            let within = |sum: Money| self.limit.is_none_or(|limit| sum <= limit);
            if within(ledger.spent + ledger.reserved + amount) {
                ledger.reserved += amount;
                Some(Ok(Reservation { spending: self, amount }))
            } else if !within(ledger.spent + amount) || ledger.reserved == Money::ZERO {
                Some(Err(LimitReached))
            } else {
                None
            }
        })
    }

    pub(super) fn spent(&self) -> Money {
        self.with(|ledger| ledger.spent)
    }

    /// What an earlier sitting set aside for calls that are still on their way has been counted as spent; it is promised.
    pub(super) fn take_up(&self, amount: Money) {
        self.with(|ledger| {
            ledger.spent = ledger.spent.less(amount);
            ledger.reserved += amount;
        });
    }

    /// A call that was taken up cost this much; the rest is given back.
    pub(super) fn settle(&self, amount: Money, cost: Money) {
        self.with(|ledger| {
            ledger.reserved = ledger.reserved.less(amount);
            ledger.spent += cost;
        });
        self.freed.notify_waiters();
    }

    fn with<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        // Two sums are never left half changed by a panic.
        change(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reservation<'_> {
    pub(super) fn amount(&self) -> Money {
        self.amount
    }

    /// The call cost this much; the rest is given back.
    pub(super) fn spend(self, cost: Money) {
        self.spending.with(|ledger| ledger.spent += cost);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.spending.with(|ledger| ledger.reserved = ledger.reserved.less(self.amount));
        self.spending.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn c9_what_is_on_its_way_is_waited_for_before_a_limit_is_called_reached() {
        // An earlier sitting spent 1 and set 8 aside; both were stored as spent.
        let spending = Spending::new(Some(money(10)), money(9));
        spending.take_up(money(8));
        let mut waiting = Box::pin(spending.reserve(money(4)));
        assert!(waiting.as_mut().now_or_never().is_none(), "1 + 8 + 4 > 10, but the 8 may turn out less");
        spending.settle(money(8), money(3));
        waiting.now_or_never().unwrap().unwrap().spend(money(4));
        assert_eq!(spending.spent(), money(8));
    }

    fn money(units: u64) -> Money {
        Money::from_units(units)
    }

    #[test]
    fn a_limit_is_never_overshot_and_what_is_given_back_can_be_used() {
        let spending = Spending::new(Some(money(10)), money(1));
        let held = spending.reserve(money(6)).now_or_never().unwrap().unwrap();
        // 1 + 6 + 6 > 10, but the first call may turn out cheaper: the second one waits.
        let mut waiting = Box::pin(spending.reserve(money(6)));
        assert!(waiting.as_mut().now_or_never().is_none());
        held.spend(money(2));
        let second = waiting.now_or_never().unwrap().unwrap();
        second.spend(money(6));
        assert_eq!(spending.spent(), money(9));
        assert_eq!(spending.reserve(money(2)).now_or_never().unwrap().unwrap_err(), LimitReached);
    }
}
