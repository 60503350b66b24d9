//! How the create of a kind is recognised when nobody heard its reply.

use std::time::Duration;

/// What a kind's service offers to tell whether a create has happened, although the process that sent it is gone or its reply got lost.
///
/// A kind says it with `#[resource(recovery = Recovery::Name)]`. What the engine does with an open create follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recovery {
    /// The kind doesn't say. [`find`](super::Resource::find) is asked once and taken at its word.
    #[default]
    Find,
    /// The service takes a client token and answers a repeated create with the object that the first one made, for this long. Inside the
    /// window the stored request is sent again with its token; after it, `find` looks for the mark.
    ///
    /// EC2 instances and NAT gateways, EKS, EFS, Route 53 zones.
    Token {
        /// How long the service remembers a token.
        window: Duration,
    },
    /// The object's name is unique: a second create is refused. `find` looks the name up and compares the mark.
    ///
    /// IAM roles, S3 buckets, DynamoDB tables, security groups.
    Name,
    /// A create of what exists already succeeds and returns it, also when somebody else made it. `create` looks before and compares the mark
    /// after; `find` compares the mark.
    ///
    /// Load balancers and target groups, SNS topics, SQS queues.
    Returns,
    /// The service gives the id, and takes tags in the create. `find` searches for the tag of the operation, and is asked again with growing
    /// pauses until an object shows or must have shown.
    ///
    /// VPCs, subnets, internet gateways, elastic IPs, KMS keys.
    Tags {
        /// How long after its create an object may be missing from the service's lists.
        settle: Duration,
    },
    /// The object is identified by what it connects, and can't exist twice. `find` reads it there and compares.
    ///
    /// Routes, attachments, security-group rules, record sets.
    Key,
    /// There is nothing to recognise it by. [`list`](super::Resource::list) is asked before the create and after a crash: exactly one new
    /// object is deleted, and made again under a create whose reply is heard.
    ///
    /// Access keys, invitations.
    Unmarked,
}
