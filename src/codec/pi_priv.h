/*
 * codec/pi_priv.h - what reading and writing of pi's lines share.
 */
#ifndef RAMETI_CODEC_PI_PRIV_H
#define RAMETI_CODEC_PI_PRIV_H

/* The members a reader looks for, in the order of the codec's wants. */
enum rameti_pi_want {
	RAMETI_PI_TYPE,
	RAMETI_PI_ID,
	RAMETI_PI_PARENT,
	RAMETI_PI_TIMESTAMP,
	RAMETI_PI_MESSAGE,
	RAMETI_PI_ROLE,
	RAMETI_PI_WANTS
};

#endif
