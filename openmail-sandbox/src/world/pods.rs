use super::{Refusal, World, ids, keys::Caller};
use crate::model::{Pod, Scope};

impl World {
    /// The pod with this id, or with this `clientId`.
    pub(crate) fn pod(&self, id_or_client_id: &str) -> Option<&Pod> {
        let by_id = self.pods.iter().find(|pod| pod.id == id_or_client_id);
        by_id.or_else(|| self.pods.iter().find(|pod| pod.client_id.as_deref() == Some(id_or_client_id)))
    }

    pub(crate) fn pod_mut(&mut self, id_or_client_id: &str) -> Option<&mut Pod> {
        let id = self.pod(id_or_client_id)?.id.clone();
        self.pods.iter_mut().find(|pod| pod.id == id)
    }

    pub(crate) fn default_pod_id(&self) -> String {
        self.pods.iter().find(|pod| pod.is_default).map(|pod| pod.id.clone()).unwrap_or_default()
    }

    pub(crate) fn pod_for(&self, caller: &Caller, id: &str) -> Result<&Pod, Refusal> {
        let pod = self.pod(id).filter(|pod| caller.reaches_pod(&pod.id));
        pod.ok_or_else(|| Refusal::not_found("Pod"))
    }

    pub(crate) fn create_pod(
        &mut self,
        client_id: Option<String>,
        name: Option<String>,
    ) -> Result<Pod, Refusal> {
        self.refuse_taken_client_id(client_id.as_deref(), None)?;
        let pod = Pod {
            id: ids::id("pod"),
            client_id,
            name,
            is_default: false,
            suspended: None,
            created_at: self.now(),
        };
        self.pods.push(pod.clone());
        Ok(pod)
    }

    /// Changes what is given; `Some(None)` clears.
    pub(crate) fn update_pod(
        &mut self,
        id: &str,
        client_id: Option<Option<String>>,
        name: Option<Option<String>>,
    ) -> Result<Pod, Refusal> {
        let id = self.pod(id).ok_or_else(|| Refusal::not_found("Pod"))?.id.clone();
        self.refuse_taken_client_id(client_id.as_ref().and_then(Option::as_deref), Some(&id))?;
        let pod = self.pod_mut(&id).ok_or_else(|| Refusal::not_found("Pod"))?;
        if let Some(client_id) = client_id {
            pod.client_id = client_id;
        }
        if let Some(name) = name {
            pod.name = name;
        }
        Ok(pod.clone())
    }

    pub(crate) fn delete_pod(&mut self, id: &str) -> Result<(), Refusal> {
        let pod = self.pod(id).ok_or_else(|| Refusal::not_found("Pod"))?;
        if pod.is_default {
            return Err(Refusal::new(409, "default_pod", "The default pod cannot be deleted"));
        }
        let id = pod.id.clone();
        if self.inboxes.iter().any(|inbox| inbox.pod_id == id) {
            return Err(Refusal::new(409, "pod_not_empty", "The pod still has inboxes"));
        }
        self.pods.retain(|pod| pod.id != id);
        let orphans = self.keys.iter().filter(|key| key.scope == Scope::Pod(id.clone()));
        for key in orphans.map(|key| key.id.clone()).collect::<Vec<_>>() {
            self.revoke_key(&key);
        }
        Ok(())
    }

    fn refuse_taken_client_id(&self, client_id: Option<&str>, own: Option<&str>) -> Result<(), Refusal> {
        let taken = client_id.is_some_and(|client_id| {
            self.pods
                .iter()
                .any(|pod| pod.client_id.as_deref() == Some(client_id) && Some(pod.id.as_str()) != own)
        });
        if taken {
            Err(Refusal::new(409, "client_id_taken", "A pod with this clientId already exists"))
        } else {
            Ok(())
        }
    }
}
