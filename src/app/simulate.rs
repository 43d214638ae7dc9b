//! `tagwatch simulate`: synthetic posts to a file, to stdout or, through a closure, to a topic.

use std::io::{self, Write};

use crate::simulate::{self, SimPost};

/// What the command was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed, number, rate and start.
    pub posts: simulate::Options,
}

impl Options {
    /// The posts, in event-time order.
    fn stream(&self) -> io::Result<impl Iterator<Item = SimPost> + use<>> {
        simulate::scenario(&self.scenario, &self.posts)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }
}

/// Writes the posts as NDJSON and says how many. A reader that closes the pipe ends it without an error.
///
/// # Errors
/// `InvalidInput` with a [`simulate::UnknownScenario`] inside where there is no such scenario (a usage error), else what the
/// writer says.
pub fn write(options: &Options, out: &mut dyn Write) -> io::Result<u64> {
    simulate::write(options.stream()?, out)
}

/// Hands each post with its JSON (no line end) to `deliver`, which produces it to the topic, and says how many it took.
///
/// # Errors
/// As [`write()`]; the first error of `deliver` ends it.
pub fn send(options: &Options, mut deliver: impl FnMut(&SimPost, &[u8]) -> io::Result<()>) -> io::Result<u64> {
    let (count, result) = simulate::send(options.stream()?, |post, json| deliver(post, json));
    result.map(|()| count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(scenario: &str) -> Options {
        Options {
            scenario: scenario.to_owned(),
            posts: simulate::Options { posts: Some(50), ..simulate::Options::new(1) },
        }
    }

    #[test]
    fn a_file_and_a_topic_get_the_same_posts() {
        let (mut file, mut topic) = (Vec::new(), Vec::new());
        assert_eq!(write(&options("leaks"), &mut file).unwrap(), 50);
        let sent = send(&options("leaks"), |post, json| {
            assert!(post.ts >= simulate::Options::START.0);
            topic.extend_from_slice(json);
            topic.push(b'\n');
            Ok(())
        });
        assert_eq!(sent.unwrap(), 50);
        assert_eq!(file, topic);
    }

    #[test]
    fn a_scenario_nobody_knows_is_a_usage_error() {
        let error = write(&options("leeks"), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("did you mean leaks"), "{error}");
    }
}
