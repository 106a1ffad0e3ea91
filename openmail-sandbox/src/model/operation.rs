use std::fmt;

macro_rules! operations {
    ($($variant:ident $name:literal)*) => {
        /// A call of the REST contract, by its `operationId`, and the two beside it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Operation] = &[$(Self::$variant,)*];

            /// The `operationId`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

operations! {
    GetMe "getMe"
    OpenSocket "openSocket"
    CreatePod "createPod"
    ListPods "listPods"
    GetPod "getPod"
    UpdatePod "updatePod"
    DeletePod "deletePod"
    CreatePodApiKey "createPodApiKey"
    ListPodApiKeys "listPodApiKeys"
    DeletePodApiKey "deletePodApiKey"
    CreateInbox "createInbox"
    ListInboxes "listInboxes"
    GetInbox "getInbox"
    UpdateInbox "updateInbox"
    DeleteInbox "deleteInbox"
    RotateInboxWebhookSecret "rotateInboxWebhookSecret"
    TestInboxWebhook "testInboxWebhook"
    CreateInboxApiKey "createInboxApiKey"
    ListInboxApiKeys "listInboxApiKeys"
    DeleteInboxApiKey "deleteInboxApiKey"
    SendEmail "sendEmail"
    GetAttachment "getAttachment"
    GetAttachmentText "getAttachmentText"
    ListMessages "listMessages"
    ListThreads "listThreads"
    GetThreadMessages "getThreadMessages"
    UpdateThread "updateThread"
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
