// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of the function: one vector for the configuration, one for each
 * queue that the driver set up, fewer when there are not so many.
 */

#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "vpf.h"

/* Any context. Calls whoever wants to know. */
void vpf_call(const struct vpf_callback *cb)
{
	/* pairs with the release in vpf_set_callback() */
	const struct vdpa_callback *now = smp_load_acquire(&cb->now);

	if (now && now->callback)
		now->callback(now->private);
}

/*
 * Changes where notifications go. On return the former callback does not run:
 * a handler that begins later sees the new one, and earlier ones are waited for.
 */
void vpf_set_callback(struct vpf *vpf, struct vpf_callback *cb, int vector,
		      const struct vdpa_callback *to)
{
	struct vdpa_callback *next;

	lockdep_assert_held(&vpf->lock);

	next = cb->now == &cb->slots[0] ? &cb->slots[1] : &cb->slots[0];
	*next = *to;
	/* pairs with the acquire in vpf_call() */
	smp_store_release(&cb->now, next);
	if (vector >= 0 && vpf->vectors)
		synchronize_irq(vpf_vector_irq(vpf, vector));
}

int vpf_vector_irq(struct vpf *vpf, int vector)
{
	return pci_irq_vector(vpf->mdev.pci_dev, vector);
}

static irqreturn_t vpf_interrupt(int irq, void *data)
{
	struct vpf_vector *vector = data;
	struct vpf_vq *vq;

	if (vector->vpf)
		vpf_call(&vector->vpf->config_cb);
	for (vq = vector->vqs; vq; vq = vq->next) {
		vq->interrupts++;
		vpf_call(&vq->cb);
	}
	return IRQ_HANDLED;
}

/* Deals vectors out to queues; the first one is the configuration's */
static void vpf_assign_vectors(struct vpf *vpf)
{
	const char *function = pci_name(vpf->mdev.pci_dev);
	unsigned int i, nth = 0;

	vpf->vectors[0].vpf = vpf;
	snprintf(vpf->vectors[0].name, sizeof(vpf->vectors[0].name),
		 VPF_NAME "-%s-config", function);

	for (i = 0; i < vpf->nvqs; i++) {
		struct vpf_vq *vq = &vpf->vqs[i];
		struct vpf_vector *vector;

		if (!vq->addressed)
			continue;
		vq->vector = vpf->nvectors > 1 ?
			     1 + nth++ % (vpf->nvectors - 1) : 0;
		vector = &vpf->vectors[vq->vector];
		vector->shared = vector->vqs || vector->vpf;
		vq->next = vector->vqs;
		vector->vqs = vq;
		snprintf(vector->name, sizeof(vector->name), VPF_NAME "-%s-%s%u",
			 function, vector->shared ? "shared" : "vq", i);
	}
}

/* Tells the interrupt core where the driver wants a queue's interrupts */
void vpf_apply_affinity(struct vpf *vpf, struct vpf_vq *vq)
{
	lockdep_assert_held(&vpf->lock);

	if (vq->vector >= 0 && !vpf->vectors[vq->vector].shared &&
	    !cpumask_empty(&vq->affinity))
		irq_set_affinity_and_hint(vpf_vector_irq(vpf, vq->vector),
					  &vq->affinity);
}

static void vpf_free_irqs(struct vpf *vpf, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		irq_update_affinity_hint(vpf_vector_irq(vpf, i), NULL);
		free_irq(vpf_vector_irq(vpf, i), &vpf->vectors[i]);
	}
	for (i = 0; i < vpf->nvqs; i++)
		vpf->vqs[i].vector = -1;
	kfree(vpf->vectors);
	vpf->vectors = NULL;
	pci_free_irq_vectors(vpf->mdev.pci_dev);
}

/*
 * Interrupts for the configuration and for all queues that have addresses. The
 * function is not told yet which are whose.
 */
int vpf_irqs_request(struct vpf *vpf)
{
	struct pci_dev *pdev = vpf->mdev.pci_dev;
	unsigned int i, wanted = 1;
	int err;

	lockdep_assert_held(&vpf->lock);

	for (i = 0; i < vpf->nvqs; i++)
		wanted += vpf->vqs[i].addressed;
	err = pci_alloc_irq_vectors(pdev, 1, wanted, PCI_IRQ_MSIX);
	if (err < 0)
		return err;

	vpf->nvectors = err;
	vpf->vectors = kcalloc(vpf->nvectors, sizeof(*vpf->vectors), GFP_KERNEL);
	if (!vpf->vectors) {
		pci_free_irq_vectors(pdev);
		return -ENOMEM;
	}
	vpf_assign_vectors(vpf);

	for (i = 0; i < vpf->nvectors; i++) {
		err = request_irq(vpf_vector_irq(vpf, i), vpf_interrupt, 0,
				  vpf->vectors[i].name, &vpf->vectors[i]);
		if (err) {
			vpf_free_irqs(vpf, i);
			return err;
		}
	}
	for (i = 0; i < vpf->nvqs; i++)
		vpf_apply_affinity(vpf, &vpf->vqs[i]);
	return 0;
}

/* On return no callback runs */
void vpf_irqs_free(struct vpf *vpf)
{
	lockdep_assert_held(&vpf->lock);

	if (vpf->vectors)
		vpf_free_irqs(vpf, vpf->nvectors);
}
