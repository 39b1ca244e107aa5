// Kubernetes attributes, from the downward API: the pod spec puts them into the environment, nothing is asked of the API
// server. The first name that is set wins; docs/configuration.md lists them from this table.
import type { Attributes } from '@opentelemetry/api'
import type { Facts } from './facts.ts'
import type { Env } from './read-env.ts'

export const kubernetesNames: Readonly<Record<string, readonly string[]>> = {
  'k8s.pod.name': ['OTEL_RESOURCE_ATTRIBUTES_POD_NAME', 'K8S_POD_NAME', 'KUBERNETES_POD_NAME', 'POD_NAME'],
  'k8s.pod.uid': ['OTEL_RESOURCE_ATTRIBUTES_POD_UID', 'K8S_POD_UID', 'KUBERNETES_POD_UID', 'POD_UID'],
  'k8s.namespace.name': ['K8S_NAMESPACE', 'K8S_NAMESPACE_NAME', 'KUBERNETES_NAMESPACE', 'POD_NAMESPACE'],
  'k8s.node.name': [
    'OTEL_RESOURCE_ATTRIBUTES_NODE_NAME',
    'K8S_NODE_NAME',
    'KUBERNETES_NODE_NAME',
    'NODE_NAME',
  ],
  'k8s.container.name': ['K8S_CONTAINER_NAME', 'KUBERNETES_CONTAINER_NAME', 'CONTAINER_NAME'],
  'k8s.deployment.name': ['K8S_DEPLOYMENT_NAME', 'KUBERNETES_DEPLOYMENT_NAME'],
  'k8s.statefulset.name': ['K8S_STATEFULSET_NAME'],
  'k8s.daemonset.name': ['K8S_DAEMONSET_NAME'],
  'k8s.job.name': ['K8S_JOB_NAME'],
  'k8s.cronjob.name': ['K8S_CRONJOB_NAME'],
  'k8s.cluster.name': ['K8S_CLUSTER_NAME', 'KUBERNETES_CLUSTER_NAME'],
}

const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

/**
 * NODE_NAME and CONTAINER_NAME mean other things elsewhere, so they count only inside a cluster, which Kubernetes shows by
 * KUBERNETES_SERVICE_HOST; the other names are nobody else's.
 */
export function kubernetesAttributes(env: Env, facts: Pick<Facts, 'readText'>): Attributes {
  const inCluster = Boolean(env.KUBERNETES_SERVICE_HOST)
  const found: Attributes = {}
  for (const attribute in kubernetesNames) {
    for (const name of kubernetesNames[attribute]!) {
      const value = env[name]
      if (!value || (!inCluster && !isExplicit(name)) || value.includes('$(')) continue
      found[attribute] = value
      break
    }
  }
  if (inCluster && found['k8s.namespace.name'] === undefined) {
    const namespace = facts.readText(namespaceFile, 256)?.trim()
    if (namespace) found['k8s.namespace.name'] = namespace
  }
  return found
}

function isExplicit(name: string): boolean {
  return (
    name.startsWith('K8S_') ||
    name.startsWith('KUBERNETES_') ||
    name.startsWith('OTEL_') ||
    name.startsWith('POD_')
  )
}
